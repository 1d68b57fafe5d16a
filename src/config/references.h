// What can only be said about a configuration as a whole: names used twice, backends that nobody
// declared. That a route's targets exist is checked where the catalogue is known, not here. Private
// to this folder.
#pragma once

#include "config/sections.h"
#include "config/settings.h"

namespace weir::config {

// Adds the engine backend "here" when the file declares no engine.
void AddDefaultBackend(Settings& settings);

void CheckReferences(const Settings& settings, const FileContext& context);

}  // namespace weir::config
