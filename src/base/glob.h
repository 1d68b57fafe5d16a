// Names with wildcards, as budgets and label rules use them: `*` is any run of characters, `?` any
// one, all else itself. Bytes, not code points; case counts. Linear in the name for one star, at
// worst name times pattern.
#pragma once

#include <string_view>

namespace weir {

bool MatchesGlob(std::string_view pattern, std::string_view name);

// Whether every name that matches `narrow` also matches `wide`. Never true where that is not so.
bool CoversGlob(std::string_view wide, std::string_view narrow);

}  // namespace weir
