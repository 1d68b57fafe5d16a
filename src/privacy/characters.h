// What a byte of a detection copy is. Bytes beyond ASCII count as letters, so that a match never
// begins or ends inside a word of another script.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir::privacy {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool IsLetter(char c) { return IsUpper(c) || IsLower(c); }
constexpr bool IsAlnum(char c) { return IsDigit(c) || IsLetter(c); }
constexpr bool IsBeyondAscii(char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; }
constexpr bool IsWord(char c) { return IsAlnum(c) || IsBeyondAscii(c); }
// The first byte of a character from U+3000 on: a script without spaces between its words, so that
// a number beside one is not a part of a word. (Korean has spaces, and endings right after
// numbers.)
constexpr bool IsOfBorderlessScript(char first) {
  return static_cast<unsigned char>(first) >= 0xE3;
}
constexpr bool IsInsideCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
// Whether what stands at `at` and what stands before it are parts of one word.
constexpr bool WordGoesOnBefore(std::string_view text, size_t at) {
  if (at == 0 || !IsWord(text[at - 1])) return false;
  if (!IsBeyondAscii(text[at - 1])) return true;
  size_t first = at - 1;
  while (first > 0 && at - first < 4 && IsInsideCharacter(text[first])) --first;
  return !IsOfBorderlessScript(text[first]);
}
constexpr bool WordGoesOnAt(std::string_view text, size_t at) {
  return at < text.size() && IsWord(text[at]) && !IsOfBorderlessScript(text[at]);
}
constexpr char Upper(char c) { return IsLower(c) ? static_cast<char>(c - 'a' + 'A') : c; }
constexpr char Lower(char c) { return IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace weir::privacy
