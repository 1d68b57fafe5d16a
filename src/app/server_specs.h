// Servers that the launcher runs for backends with a `command`, out of the configuration.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "supervisor/servers.h"

namespace weir::app {

// Of everything that the server is started and asked with. Launcher and gateway compute the same
// from the same file.
uint64_t ServerFingerprint(const config::Backend& backend);

// `path` as in PATH. A program that is not there is one that fails to start.
std::vector<ServerSpec> ServerSpecsOf(const config::Settings& settings, std::string_view path);

}  // namespace weir::app
