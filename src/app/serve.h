// `weir serve`: the launcher process.
#pragma once

#include "app/serve_arguments.h"
#include "config/settings.h"

namespace weir::app {

// Takes the data folder's lock, binds the addresses, and runs the launcher until it is told to
// stop. The exit code. `words` is the command line behind `weir serve`, handed down as it is;
// `arguments` is what it means, and `file` what the settings were read from.
int RunServe(const std::vector<std::string>& words, const ServeArguments& arguments,
             const config::File& file, const config::Settings& settings);

}  // namespace weir::app
