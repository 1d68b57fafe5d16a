// The detectors that a configuration asks for: [[detector]]. The one place of this folder that
// knows config::Settings.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "privacy/detector.h"

namespace weir::privacy {

// What is wrong with a pattern or with words, as a line with file and place.
std::expected<std::shared_ptr<const Detector>, std::string> DetectorOf(
    const config::Settings& settings);
// The same for callers that only want to know; empty when all is good.
std::vector<std::string> DetectorProblems(const config::Settings& settings);

}  // namespace weir::privacy
