// The command line of `weir serve`: every setting as a flag (config/load.h), and the words that
// users of llama-server type
// (-m, -c, --port, ...). Launcher and gateway read the same line, so that both see the same
// settings.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/settings.h"

namespace weir::app {

struct ServeArguments {
  std::vector<std::pair<std::string, std::string>> flags = {};  // for config::Load
  std::string model_file = {};                                  // -m
  std::string model_name = {};                                  // -a; empty: after the file
  // For that model; empty: not given.
  std::vector<std::pair<std::string, std::string>> model_flags = {};
  bool help = false;
};

// The words behind `weir serve`. The error is one line: what is wrong and what to do.
std::expected<ServeArguments, std::string> ParseServeArguments(std::span<const std::string> words);

// The configuration file that they mean, as it is now; or what is wrong, in one line.
std::expected<config::File, std::string> ReadConfiguration(const ServeArguments& arguments);

// The settings that come of it, the model of -m among them. All problems at once, one line each.
std::expected<config::Settings, std::vector<std::string>> LoadSettings(
    const ServeArguments& arguments, config::File file);

// What `weir serve --help` prints.
std::string ServeHelp();

}  // namespace weir::app
