#include "privacy/detectors_from_settings.h"

#include <fmt/core.h>

#include <algorithm>

namespace weir::privacy {

std::expected<std::shared_ptr<const Detector>, std::string> DetectorOf(
    const config::Settings& settings) {
  DetectorOptions options;
  for (const config::Detector& detector : settings.detectors) {
    const auto type = TypeFromName(*detector.name);
    if (!type) {
      options.own.push_back(
          {*detector.name, *detector.words, *detector.pattern, *detector.label.value});
    } else if (!*detector.enabled) {
      options.off.push_back(*type);
    } else if (detector.label.value) {
      options.labels.emplace_back(*type, *detector.label.value);
    }
  }
  auto made = Detector::Make(options);
  if (made) return *std::move(made);
  const Error& error = made.error();
  const auto at = std::ranges::find_if(settings.detectors, [&](const config::Detector& detector) {
    return *detector.name == error.reason &&
           (error.param == "words" ? !detector.words->empty() : !detector.pattern->empty());
  });
  if (at == settings.detectors.end()) {
    return std::unexpected(fmt::format("{}: detector {}", settings.file, error.message));
  }
  const config::Place& place = error.param == "words" ? at->words.place : at->pattern.place;
  return std::unexpected(fmt::format("{}:{}:{}: detector.{} {}", settings.file, place.line,
                                     place.column, error.param, error.message));
}

std::vector<std::string> DetectorProblems(const config::Settings& settings) {
  const auto detector = DetectorOf(settings);
  return detector ? std::vector<std::string>() : std::vector{detector.error()};
}

}  // namespace weir::privacy
