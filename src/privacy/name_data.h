// data/names.txt, inside the program.
#pragma once

#include <string_view>

namespace weir::privacy {
extern const std::string_view kGivenNames;  // folded, with white space between them
extern const std::string_view kSurnames;
}  // namespace weir::privacy
