// Settings that a running server keeps until it is started anew, whatever a reload brings: sockets
// that are open, folders that are locked, limits of parts that are made once.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace weir::config {

// One line for each of them that the next configuration would change.
std::vector<std::string> StartOnlyChanges(const Settings& in_force, const Settings& next);

}  // namespace weir::config
