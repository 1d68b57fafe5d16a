#include "base/utf8.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace weir {
namespace {

// How many bytes the code point that starts with `lead` has; 0 when none starts so.
size_t SequenceLength(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

// Whether `second` may follow `lead`: here overlong forms, surrogates and values above U+10FFFF are
// refused.
bool SecondByteFits(uint8_t lead, uint8_t second) {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return second >= 0x80 && second <= 0xBF;
  }
}

// How many bytes at the start of `text` belong to one code point so far (1 to 4), or 0 when they
// cannot.
size_t ValidRun(std::string_view text, size_t length) {
  const auto lead = static_cast<uint8_t>(text[0]);
  size_t i = 1;
  for (; i < length && i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const bool fits = i == 1 ? SecondByteFits(lead, byte) : (byte & 0xC0) == 0x80;
    if (!fits) return 0;
  }
  return i;
}

// How many bytes at the start of `text` are below 0x80, looked at 32 and then eight at a time.
size_t AsciiRun(std::string_view text) {
  static_assert(std::endian::native == std::endian::little);
  constexpr uint64_t kHighBits = 0x8080808080808080;
  size_t at = 0;
  for (uint64_t four[4]; text.size() - at >= sizeof four; at += sizeof four) {
    std::memcpy(four, text.data() + at, sizeof four);
    if (((four[0] | four[1] | four[2] | four[3]) & kHighBits) != 0) break;
  }
  for (uint64_t eight = 0; text.size() - at >= sizeof eight; at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (const uint64_t high = eight & kHighBits; high != 0)
      return at + static_cast<size_t>(std::countr_zero(high)) / 8;
  }
  while (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  for (;;) {
    text.remove_prefix(AsciiRun(text));
    if (text.empty()) return true;
    const size_t length = SequenceLength(static_cast<uint8_t>(text[0]));
    if (length == 0 || length > text.size() || ValidRun(text, length) != length) return false;
    text.remove_prefix(length);
  }
}

size_t CompleteUtf8Prefix(std::string_view text) {
  const size_t size = text.size();
  for (size_t back = 1; back <= 3 && back <= size; ++back) {
    const std::string_view tail = text.substr(size - back);
    const size_t length = SequenceLength(static_cast<uint8_t>(tail[0]));
    if (length > back && ValidRun(tail, length) == back) return size - back;
    if (length != 0) break;
  }
  return size;
}

}  // namespace weir
