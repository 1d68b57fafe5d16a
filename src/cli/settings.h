// The configuration, for commands that work without a server.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "config/load.h"

namespace weir::cli {

// `words` are pairs of name and value (config/load.h). `file` in place of the one that they name.
std::expected<config::Settings, std::vector<config::Problem>> LoadFor(
    const std::vector<std::string>& words, std::optional<config::File> file = {});
// The file that LoadFor would read.
std::expected<config::File, config::Problem> FileFor(const std::vector<std::string>& words);
// All of them on stderr; the exit code for a configuration that is wrong.
int ReportProblems(const std::vector<config::Problem>& problems);

}  // namespace weir::cli
