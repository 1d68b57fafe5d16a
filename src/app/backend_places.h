// Backends of the configuration as the door and the permit office see them. Both processes compute
// the same from the same file; the policy hash tells whether they did.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"
#include "privacy/permit.h"

namespace weir::app {

// Whether this backend is reached through the door (all but the engine).
bool IsBeyond(const config::Backend& backend);
// A url for each replica, the first one first.
std::vector<std::string> UrlsOf(const config::Backend& backend);
std::vector<privacy::Destination> DestinationsOf(const config::Settings& settings);
std::string PolicyHashOf(const config::Settings& settings);

}  // namespace weir::app
