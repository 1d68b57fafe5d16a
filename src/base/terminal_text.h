// Text of others, as a terminal may show it: nothing in it is obeyed. What a terminal obeys are the
// control characters: C0, DEL, and C1 in UTF-8. Pure.
#pragma once

#include <string>
#include <string_view>

namespace weir {

// Left out, but for line ends and tabs.
std::string WithoutControls(std::string_view text);
// A name, or a line that nothing in it may end: blanks for line ends and tabs, '?' for the others.
std::string OneLine(std::string_view text);

}  // namespace weir
