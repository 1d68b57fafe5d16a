// A name as one piece of a path in a URL. Pure.
#pragma once

#include <string>
#include <string_view>

namespace weir::cli {

// Everything but letters, digits and "-._~" is escaped.
std::string PathPiece(std::string_view text);

}  // namespace weir::cli
