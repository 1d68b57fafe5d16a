// data/catalogue.json as text; CMake writes the source.
#pragma once

#include <string_view>

namespace weir::models {
extern const std::string_view kCatalogueJson;
}  // namespace weir::models
