// data/presets.json, as it was when the program was built.
#pragma once

#include <string_view>

namespace weir::config {

extern const std::string_view kPresetsJson;

}  // namespace weir::config
