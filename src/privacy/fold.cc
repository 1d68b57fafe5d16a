#include "privacy/fold.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace weir::privacy {
namespace {

// One string for each byte value, so that a Folded can refer to a character.
constexpr auto kAscii = [] {
  std::array<char, 128> all{};
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
  return all;
}();

Folded Text(std::string_view text) { return {Folded::As::kText, text}; }
Folded Character(uint32_t ascii) { return Text({&kAscii[ascii & 127], 1}); }
Folded Nothing() { return {Folded::As::kNothing}; }

// U+00C0 to U+017F; a dot is the code point itself, a digit an entry of kLong.
constexpr std::string_view kLatin =
    "AAAAAA0CEEEEIIIIDNOOOOO.OUUUUY12aaaaaa3ceeeeiiiidnooooo.ouuuuy4y"
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi56JjKkkLlLlLlLlLlNnNnNnnNn"
    "OoOoOo78RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
constexpr std::string_view kLong[] = {"AE", "TH", "ss", "ae", "th", "IJ", "ij", "OE", "oe"};
static_assert(kLatin.size() == 0x180 - 0xC0);

struct Range {
  char32_t first;
  char32_t last;
};
constexpr Range kInvisible[] = {
    {0xAD, 0xAD},       {0x300, 0x36F},     {0x61C, 0x61C},    {0x115F, 0x1160}, {0x17B4, 0x17B5},
    {0x180B, 0x180E},   {0x200B, 0x200F},   {0x202A, 0x202E},  {0x2060, 0x206F}, {0x20D0, 0x20F0},
    {0x3164, 0x3164},   {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F},  {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},
    {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};
constexpr Range kSpaces[] = {{0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
                             {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
                             {0x205F, 0x205F}, {0x3000, 0x3000}};
constexpr Range kDashes[] = {{0x58A, 0x58A},   {0x2010, 0x2015}, {0x2043, 0x2043},
                             {0x207B, 0x207B}, {0x208B, 0x208B}, {0x2212, 0x2212},
                             {0x2E3A, 0x2E3B}, {0xFE58, 0xFE58}, {0xFE63, 0xFE63}};
// The zeros of decimal digits; nine more follow each.
constexpr char32_t kZeros[] = {
    0x660,   0x6F0,   0x7C0,   0x966,   0x9E6,   0xA66,   0xAE6,   0xB66,   0xBE6,
    0xC66,   0xCE6,   0xD66,   0xDE6,   0xE50,   0xED0,   0xF20,   0x1040,  0x1090,
    0x17E0,  0x1810,  0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,
    0x1C50,  0xA620,  0xA8D0,  0xA900,  0xA9D0,  0xA9F0,  0xAA50,  0xABF0,  0x104A0,
    0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0,
    0x11730, 0x118E0, 0x11C50, 0x16A60, 0x16B50, 0x1E950, 0x1FBF0};

struct Pair {
  char32_t code_point;
  char as;
};
// Sorted. Letters of other scripts that nobody tells from Latin ones, and signs.
constexpr Pair kPairs[] = {
    {0xAA, 'a'},    {0xB2, '2'},    {0xB3, '3'},    {0xB9, '1'},    {0xBA, 'o'},   {0x1A0, 'O'},
    {0x1A1, 'o'},   {0x1AF, 'U'},   {0x1B0, 'u'},   {0x1CD, 'A'},   {0x1CE, 'a'},  {0x218, 'S'},
    {0x219, 's'},   {0x21A, 'T'},   {0x21B, 't'},   {0x391, 'A'},   {0x392, 'B'},  {0x395, 'E'},
    {0x396, 'Z'},   {0x397, 'H'},   {0x399, 'I'},   {0x39A, 'K'},   {0x39C, 'M'},  {0x39D, 'N'},
    {0x39F, 'O'},   {0x3A1, 'P'},   {0x3A4, 'T'},   {0x3A5, 'Y'},   {0x3A7, 'X'},  {0x3BF, 'o'},
    {0x405, 'S'},   {0x406, 'I'},   {0x408, 'J'},   {0x410, 'A'},   {0x412, 'B'},  {0x415, 'E'},
    {0x41A, 'K'},   {0x41C, 'M'},   {0x41D, 'H'},   {0x41E, 'O'},   {0x420, 'P'},  {0x421, 'C'},
    {0x422, 'T'},   {0x425, 'X'},   {0x430, 'a'},   {0x435, 'e'},   {0x43E, 'o'},  {0x440, 'p'},
    {0x441, 'c'},   {0x443, 'y'},   {0x445, 'x'},   {0x455, 's'},   {0x456, 'i'},  {0x458, 'j'},
    {0x2018, '\''}, {0x2019, '\''}, {0x201A, '\''}, {0x201B, '\''}, {0x201C, '"'}, {0x201D, '"'},
    {0x201E, '"'},  {0x2024, '.'},  {0x2032, '\''}, {0x2033, '"'},  {0x2039, '<'}, {0x203A, '>'},
    {0x2044, '/'},  {0x2070, '0'},  {0x2071, 'i'},  {0x207A, '+'},  {0x208A, '+'}, {0x2215, '/'},
    {0x2236, ':'},  {0x3002, '.'},  {0xFE52, '.'},  {0xFE55, ':'},  {0xFE6B, '@'}, {0xFF61, '.'}};
static_assert(std::ranges::is_sorted(kPairs, {}, &Pair::code_point));

template <size_t kCount>
bool In(const Range (&ranges)[kCount], char32_t c) {
  const auto after = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return after != std::begin(ranges) && c <= std::prev(after)->last;
}

// Mathematical letters come in alphabets of 52, mathematical digits in tens.
Folded Mathematical(char32_t c) {
  if (c >= 0x1D7CE) return Character('0' + (c - 0x1D7CE) % 10);
  if (c >= 0x1D6A4) return {};  // Greek
  const uint32_t letter = (c - 0x1D400) % 52;
  return Character(letter < 26 ? 'A' + letter : 'a' + letter - 26);
}

// Letters with two marks, upper and lower case in turn.
Folded Vietnamese(char32_t c) {
  constexpr struct {
    char32_t last;
    char letter;
  } kBlocks[] = {{0x1EB7, 'a'}, {0x1EC7, 'e'}, {0x1ECB, 'i'},
                 {0x1EE3, 'o'}, {0x1EF1, 'u'}, {0x1EF9, 'y'}};
  for (const auto& block : kBlocks) {
    if (c > block.last) continue;
    return Character(static_cast<uint32_t>(block.letter) - (c % 2 == 0 ? 32 : 0));
  }
  return {};
}

Folded Circled(char32_t c) {
  if (c < 0x2469) return Character('1' + c - 0x2460);
  if (c >= 0x24B6 && c <= 0x24CF) return Character('A' + c - 0x24B6);
  if (c >= 0x24D0 && c <= 0x24E9) return Character('a' + c - 0x24D0);
  return c == 0x24EA ? Character('0') : Folded{};
}

}  // namespace

Folded Fold(char32_t c) {
  if (c >= 0xC0 && c < 0x180) {
    const char as = kLatin[c - 0xC0];
    if (as == '.') return {};
    if (as >= '0' && as <= '9') return Text(kLong[as - '0']);
    return Character(static_cast<uint32_t>(as));
  }
  if (c >= 0xFF01 && c <= 0xFF5E) return Character(c - 0xFF01 + '!');
  if (c >= 0x1D400 && c <= 0x1D7FF) return Mathematical(c);
  if (c >= 0x1EA0 && c <= 0x1EF9) return Vietnamese(c);
  if (c >= 0x2460 && c <= 0x24EA) return Circled(c);
  if (c >= 0x2074 && c <= 0x2079) return Character('4' + c - 0x2074);
  if (c >= 0x2080 && c <= 0x2089) return Character('0' + c - 0x2080);
  if (c >= 0xFB00 && c <= 0xFB04) {
    constexpr std::string_view kLigatures[] = {"ff", "fi", "fl", "ffi", "ffl"};
    return Text(kLigatures[c - 0xFB00]);
  }
  const auto pair = std::ranges::lower_bound(kPairs, c, {}, &Pair::code_point);
  if (pair != std::end(kPairs) && pair->code_point == c)
    return Character(static_cast<uint32_t>(pair->as));
  if (In(kInvisible, c)) return Nothing();
  if (In(kSpaces, c)) return Character(' ');
  if (In(kDashes, c)) return Character('-');
  const auto zero = std::ranges::upper_bound(kZeros, c);
  if (zero != std::begin(kZeros) && c - *std::prev(zero) < 10) {
    return Character('0' + (c - *std::prev(zero)));
  }
  return {};
}

}  // namespace weir::privacy
