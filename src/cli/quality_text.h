// data/quality.txt, what models are held against where nobody names a text; CMake writes the
// source.
#pragma once

#include <string_view>

namespace weir::cli {
extern const std::string_view kQualityText;
}  // namespace weir::cli
