#include "config/named_files.h"

#include <fmt/core.h>

#include <fstream>

namespace weir::config {
namespace {

// One byte more than may be, so that too much is seen. Empty: it cannot be read.
std::string ReadBounded(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kNamedFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

}  // namespace

Result<std::string> TextOfNamed(const Settings& settings, const std::string& path) {
  const auto handed = settings.named_files.find(path);
  std::string text = handed != settings.named_files.end() ? handed->second : ReadBounded(path);
  if (text.empty()) return Fail(Code::kNotFound, "it cannot be read");
  if (text.size() > kNamedFileBytesMax) {
    return Fail(Code::kTooLarge, fmt::format("it is over {} bytes", kNamedFileBytesMax));
  }
  return text;
}

std::map<std::string, std::string> ReadNamedFiles(const Settings& settings) {
  std::map<std::string, std::string> texts;
  const auto add = [&texts](const Text& setting, std::string_view built_in) {
    if (*setting == built_in) return;
    if (std::string text = ReadBounded(*setting); !text.empty()) texts[*setting] = std::move(text);
  };
  add(settings.prices, kBuiltInPrices);
  add(settings.prediction, kBuiltInPrediction);
  add(settings.calibration, kBuiltInCalibration);
  return texts;
}

}  // namespace weir::config
