// The configuration, for commands that work without a server.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "config/load.h"

namespace weir::cli {

// `words` are pairs of name and value (config/load.h).
std::expected<config::Settings, std::vector<config::Problem>> LoadFor(
    const std::vector<std::string>& words);
// All of them on stderr; the exit code for a configuration that is wrong.
int ReportProblems(const std::vector<config::Problem>& problems);

}  // namespace weir::cli
