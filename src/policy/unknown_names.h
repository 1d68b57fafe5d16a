// Names in a configuration that stand for nothing now: targets of routes and rules, models that
// conditions ask for, regions. They are told and stop nothing, because what a name stands for may
// come later (a model that is pulled), but it may as well be mistyped.
//
// What can never be right (a list that names nothing, a route that leads back to itself, a task
// that there is not) is refused where the file is read, in config/.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"
#include "models/catalogue.h"
#include "models/store.h"

namespace weir::policy {

// One line each, with file and line of the section, and the nearest name that is known.
std::vector<std::string> UnknownNames(const config::Settings& settings,
                                      const models::Listing& listing,
                                      const models::Catalogue& catalogue);
// With the models of the settings' own store and of other programs.
std::vector<std::string> UnknownNames(const config::Settings& settings);

}  // namespace weir::policy
