// Letters of ASCII alone, whatever the locale says.
#pragma once

namespace weir {

constexpr char AsciiLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace weir
