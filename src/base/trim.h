// Text without what surrounds it in lines and fields: blanks, tabs, line ends.
#pragma once

#include <string_view>

namespace weir {

inline std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace weir
