// The program weir-engine: one model, started by the launcher with its descriptors in place
// (wire/control.h); or by `weir quantize` to make one file out of another, or by `weir bench
// --quality` to measure one or two.
#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/measuring.h"
#include "engine/quantizing.h"
#include "wire/control.h"
#include "wire/quality.h"

namespace {

using weir::engine::MeasuringOptions;
using weir::engine::QuantizingOptions;

template <class T>
bool Read(std::string_view text, T& into) {
  const auto done = std::from_chars(text.data(), text.data() + text.size(), into);
  return done.ec == std::errc() && done.ptr == text.data() + text.size();
}

// quantize TYPE THREADS once|again OUTPUT
std::optional<QuantizingOptions> ReadQuantizing(int argc, char** argv) {
  constexpr int kCount = 6;
  if (argc != kCount || argv[1] != std::string_view("quantize")) return std::nullopt;
  QuantizingOptions options{.socket = weir::wire::kEngineSocketFd,
                            .model = weir::wire::kEngineFileFdFirst,
                            .output = argv[5],
                            .again = argv[4] == std::string_view("again")};
  if (!Read(argv[2], options.type) || !Read(argv[3], options.threads)) return std::nullopt;
  return options;
}

// measure MODELS
std::optional<MeasuringOptions> ReadMeasuring(int argc, char** argv) {
  if (argc != 3 || argv[1] != std::string_view("measure")) return std::nullopt;
  size_t models = 0;
  if (!Read(argv[2], models) || models < 1 || models > weir::wire::kQualityModelsMax)
    return std::nullopt;
  MeasuringOptions options{.socket = weir::wire::kEngineSocketFd};
  for (size_t i = 0; i < models; ++i)
    options.models.push_back(weir::wire::kEngineFileFdFirst + static_cast<int>(i));
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const char* level = std::getenv("WEIR_LOG_LEVEL");
  const std::string_view otherwise = argc == 1 ? "info" : "off";
  weir::SetUpLog("engine", weir::LogLevelFromName(level == nullptr ? otherwise : level));
  if (argc == 1) {
    return weir::engine::RunEngine(
        {.socket = weir::wire::kEngineSocketFd, .files = weir::wire::kEngineFileFdFirst});
  }
  if (const auto measuring = ReadMeasuring(argc, argv))
    return weir::engine::RunMeasuring(*measuring);
  if (const auto quantizing = ReadQuantizing(argc, argv))
    return weir::engine::RunQuantizing(*quantizing);
  fmt::print(stderr,
             "weir: this program is started by 'weir serve', 'weir quantize' and 'weir bench'\n");
  return 2;
}
