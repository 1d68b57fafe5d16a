// What a byte of a detection copy is. Bytes beyond ASCII count as letters, so that a match never
// begins or ends inside a word of another script.
#pragma once

namespace weir::privacy {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool IsLetter(char c) { return IsUpper(c) || IsLower(c); }
constexpr bool IsAlnum(char c) { return IsDigit(c) || IsLetter(c); }
constexpr bool IsBeyondAscii(char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; }
constexpr bool IsWord(char c) { return IsAlnum(c) || IsBeyondAscii(c); }
constexpr char Upper(char c) { return IsLower(c) ? static_cast<char>(c - 'a' + 'A') : c; }
constexpr char Lower(char c) { return IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace weir::privacy
