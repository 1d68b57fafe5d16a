// The commands of `weir` besides serve: each talks to the running server, or does its work alone.
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

// `words` are what stands behind `weir`. The exit code of INTERFACE: 0 good, 1 failed, 2 wrong
// usage, 3 nothing there, 4 refused by policy, 5 no server.
int Run(const std::vector<std::string>& words);

}  // namespace weir::cli
