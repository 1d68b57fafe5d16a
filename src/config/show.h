// The effective settings as a configuration file, each value with where it came from as a comment:
// what `weir config show` prints. Reading it again gives the same settings. Holds no secrets,
// because Settings has none.
#pragma once

#include <string>

#include "config/settings.h"

namespace weir::config {

std::string Show(const Settings& settings);

}  // namespace weir::config
