// The text of a configuration file into Settings. Reads no file and no environment. Private to this
// folder, its tests and the fuzz target; everybody else uses load.h.
#pragma once

#include <string>
#include <string_view>

#include "config/problems.h"
#include "config/settings.h"

namespace weir::config {

// Fills `settings` with what `text` sets and leaves the rest; `file` is what problems call it.
// Every mistake is added to `problems`; what is wrong keeps its default.
void ParseInto(std::string_view text, const std::string& file, Settings& settings,
               Problems& problems);

}  // namespace weir::config
