// label: what the detectors find in a text. It needs no server.
#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <optional>

#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "json/writer.h"
#include "privacy/detectors_from_settings.h"

namespace weir::cli {
namespace {

// One byte more than the detectors take is enough to know that it is too long.
std::optional<std::string> ReadUpTo(std::istream& in, size_t bytes_max) {
  std::string text(bytes_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return std::nullopt;
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

std::optional<std::string> ReadFile(const std::string& file) {
  constexpr size_t kBytesMax = privacy::Detector::kTextMax + 1;
  if (file == "-") return ReadUpTo(std::cin, kBytesMax);
  std::ifstream in(file, std::ios::binary);
  return in ? ReadUpTo(in, kBytesMax) : std::nullopt;
}

void Write(json::Writer& writer, const privacy::Finding& finding) {
  writer.BeginObject()
      .Field("type", finding.type)
      .Field("start", finding.begin)
      .Field("end", finding.end)
      .Field("score", finding.score / 100.0)
      .Field("label", chat::LabelName(finding.label))
      .EndObject();
}

}  // namespace

int LabelText(const Common& common, const std::string& file,
              const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return ReportProblems(settings.error());
  const auto detector = privacy::DetectorOf(*settings);
  if (!detector) {
    fmt::print(stderr, "weir: {}\n", detector.error());
    return static_cast<int>(Exit::kFailed);
  }
  const auto text = ReadFile(file);
  if (!text) {
    fmt::print(stderr, "weir: {} cannot be read: {}; name a file, or - for standard input\n", file,
               std::strerror(errno));
    return static_cast<int>(Exit::kFailed);
  }
  const std::vector<privacy::Finding> findings = (*detector)->Find(*text);
  std::string out;
  if (common.json) {
    json::Writer writer(&out);
    writer.BeginArray();
    for (const privacy::Finding& finding : findings) Write(writer, finding);
    writer.EndArray();
    out += '\n';
  } else {
    for (const privacy::Finding& finding : findings) {
      json::Writer writer(&out);
      Write(writer, finding);
      out += '\n';
    }
  }
  fmt::print("{}", out);
  return static_cast<int>(Exit::kGood);
}

}  // namespace weir::cli
