#include "privacy/detection_copy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "privacy/characters.h"
#include "privacy/fold.h"

namespace weir::privacy {
namespace {

// Bytes that may stand for something else, or are no text.
constexpr auto kSpecial = [] {
  std::array<bool, 256> special{};
  for (size_t i = 0; i < special.size(); ++i) special[i] = i < 0x20 || i >= 0x7F;
  for (const char c : {'\t', '\n', '\r', '\f'}) special[static_cast<uint8_t>(c)] = false;
  for (const char c : {'\\', '%', '&'}) special[static_cast<uint8_t>(c)] = true;
  return special;
}();

bool IsSpecial(char c) { return kSpecial[static_cast<uint8_t>(c)]; }
bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// `count` hexadecimal digits, or -1.
int64_t ReadHex(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int64_t value = 0;
  for (size_t i = at; i < at + count; ++i) {
    const int digit = HexValue(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

struct Decoded {
  char32_t code_point = 0;
  size_t length = 0;  // 0: not valid
};

// The code point that begins with `bytes`.
Decoded DecodeUtf8(std::string_view bytes) {
  const auto first = static_cast<uint8_t>(bytes[0]);
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  if (length == 0 || length > bytes.size()) return {};
  char32_t value = length == 1 ? first : first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(bytes[i])) return {};
    value = value << 6 | (static_cast<uint8_t>(bytes[i]) & 0x3Fu);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value < 0xE000;
  if (value < kLeast[length] || surrogate || value > 0x10FFFF) return {};
  return {value, length};
}

struct Entity {
  std::string_view name;  // without the ampersand
  std::string_view text;
};
constexpr Entity kEntities[] = {{"amp;", "&"},    {"lt;", "<"},     {"gt;", ">"},
                                {"quot;", "\""},  {"apos;", "'"},   {"nbsp;", " "},
                                {"commat;", "@"}, {"period;", "."}, {"hyphen;", "-"},
                                {"dash;", "-"},   {"colon;", ":"},  {"shy;", ""}};

}  // namespace

DetectionCopy::DetectionCopy(std::string_view original) : original_(original), text_(original) {
  CHECK(original.size() <= kBytesMax, "a text to detect in is bounded by its reader");
  if (std::ranges::any_of(original, IsSpecial)) FoldAll();
}

void DetectionCopy::FoldAll() {
  folded_.reserve(original_.size());
  size_t at = 0;
  while (at < original_.size()) {
    size_t end = at;
    while (end < original_.size() && !IsSpecial(original_[end])) ++end;
    if (end > at) Keep(at, end - at);
    at = end;
    if (at < original_.size()) at += FoldOne(at);
  }
  text_ = folded_;
}

size_t DetectionCopy::FoldOne(size_t at) {
  const char c = original_[at];
  size_t taken = 0;
  if (c == '\\') {
    taken = FoldBackslash(at);
  } else if (c == '%') {
    taken = FoldPercent(at);
  } else if (c == '&') {
    taken = FoldEntity(at);
  } else if (IsBeyondAscii(c)) {
    return FoldBeyondAscii(at);
  } else {
    // A control character.
    if (c != '\x1b' && c != '\b' && c != '\v') ++unreadable_;  // terminals write those
    Replace(at, 1, " ");
    return 1;
  }
  if (taken == 0) Keep(at, 1);
  return std::max<size_t>(taken, 1);
}

// JSON inside of JSON has more backslashes: a run of them counts as one.
size_t DetectionCopy::FoldBackslash(size_t at) {
  constexpr size_t kRunMax = 64;
  size_t next = at;
  while (next < original_.size() && original_[next] == '\\' && next - at < kRunMax) ++next;
  const size_t run = next - at;
  if (next >= original_.size()) return 0;
  constexpr std::string_view kNames = "ntrbf\"/";
  constexpr std::string_view kValues = "\n\t\r  \"/";
  const size_t known = kNames.find(original_[next]);
  if (known != std::string_view::npos) {
    Replace(at, run + 1, kValues.substr(known, 1));
    return run + 1;
  }
  const int64_t byte = original_[next] == 'x' ? ReadHex(original_, next + 1, 2) : -1;
  if (byte >= 0x20 && byte < 0x7F) {
    Put(at, run + 3, static_cast<char32_t>(byte));
    return run + 3;
  }
  const int64_t first = original_[next] == 'u' ? ReadHex(original_, next + 1, 4) : -1;
  if (first < 0) {
    if (run > 1) Replace(at, run, "\\");
    return run > 1 ? run : 0;
  }
  const size_t length = run + 5;
  if (first < 0xD800 || first >= 0xE000) {
    Put(at, length, static_cast<char32_t>(first));
    return length;
  }
  const size_t pair = at + length;
  const bool follows = pair + run < original_.size() &&
                       original_.substr(pair, run) == original_.substr(at, run) &&
                       original_.substr(pair + run, 1) == "u";
  const int64_t second = follows ? ReadHex(original_, pair + run + 1, 4) : -1;
  if (first >= 0xDC00 || second < 0xDC00 || second >= 0xE000) return 0;
  Put(at, 2 * length,
      static_cast<char32_t>(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)));
  return 2 * length;
}

size_t DetectionCopy::FoldPercent(size_t at) {
  std::string bytes;
  size_t wanted = 1;
  for (size_t i = at; bytes.size() < wanted; i += 3) {
    const int64_t value =
        i < original_.size() && original_[i] == '%' ? ReadHex(original_, i + 1, 2) : -1;
    if (value < 0) return 0;
    if (bytes.empty()) wanted = value < 0x80 ? 1 : value < 0xE0 ? 2 : value < 0xF0 ? 3 : 4;
    bytes += static_cast<char>(value);
  }
  const Decoded decoded = DecodeUtf8(bytes);
  if (decoded.length != bytes.size()) return 0;
  Put(at, 3 * bytes.size(), decoded.code_point);
  return 3 * bytes.size();
}

size_t DetectionCopy::FoldEntity(size_t at) {
  const std::string_view rest = original_.substr(at + 1, 12);
  if (rest.starts_with('#')) {
    const bool hex = rest.size() > 1 && Lower(rest[1]) == 'x';
    size_t i = hex ? 2 : 1;
    const size_t first = i;
    int64_t value = 0;
    for (; i < rest.size() && value <= 0x10FFFF; ++i) {
      const int digit = HexValue(rest[i]);
      if (digit < 0 || (!hex && digit > 9)) break;
      value = value * (hex ? 16 : 10) + digit;
    }
    const bool surrogate = value >= 0xD800 && value < 0xE000;
    if (i == first || i >= rest.size() || rest[i] != ';' || value > 0x10FFFF || surrogate) return 0;
    Put(at, i + 2, static_cast<char32_t>(value));
    return i + 2;
  }
  for (const Entity& entity : kEntities) {
    if (!rest.starts_with(entity.name)) continue;
    Replace(at, entity.name.size() + 1, entity.text);
    return entity.name.size() + 1;
  }
  return 0;
}

size_t DetectionCopy::FoldBeyondAscii(size_t at) {
  const Decoded decoded = DecodeUtf8(original_.substr(at, 4));
  if (decoded.length == 0) {
    ++unreadable_;
    Replace(at, 1, "?");
    return 1;
  }
  const Folded folded = Fold(decoded.code_point);
  if (folded.as == Folded::As::kItself) {
    Keep(at, decoded.length);
  } else {
    Replace(at, decoded.length, folded.text);
  }
  return decoded.length;
}

// What an escape stood for.
void DetectionCopy::Put(size_t at, size_t length, char32_t c) {
  if (c < 0x20 || c == 0x7F) return Replace(at, length, c == '\n' ? "\n" : " ");
  if (c < 0x80) {
    const char ascii = static_cast<char>(c);
    return Replace(at, length, {&ascii, 1});
  }
  const Folded folded = Fold(c);
  if (folded.as != Folded::As::kItself) return Replace(at, length, folded.text);
  std::string utf8;
  if (c < 0x800) {
    utf8 += static_cast<char>(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      utf8 += static_cast<char>(0xE0 | c >> 12);
    } else {
      utf8 += static_cast<char>(0xF0 | c >> 18);
      utf8 += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    }
    utf8 += static_cast<char>(0x80 | (c >> 6 & 0x3F));
  }
  utf8 += static_cast<char>(0x80 | (c & 0x3F));
  Replace(at, length, utf8);
}

void DetectionCopy::Keep(size_t at, size_t length) {
  if (kept_until_ != at) {
    pieces_.push_back({static_cast<uint32_t>(folded_.size()), static_cast<uint32_t>(at), 0});
  }
  folded_.append(original_.substr(at, length));
  kept_until_ = at + length;
}

void DetectionCopy::Replace(size_t at, size_t length, std::string_view by) {
  kept_until_ = SIZE_MAX;
  if (by.empty()) return;
  pieces_.push_back({static_cast<uint32_t>(folded_.size()), static_cast<uint32_t>(at),
                     static_cast<uint32_t>(length)});
  folded_.append(by);
}

const DetectionCopy::Piece& DetectionCopy::PieceOf(size_t folded) const {
  const auto after = std::ranges::upper_bound(pieces_, folded, {}, &Piece::folded);
  CHECK(after != pieces_.begin(), "the first piece begins at 0");
  return *std::prev(after);
}

ByteRange DetectionCopy::Original(ByteRange folded) const {
  CHECK(folded.begin < folded.end && folded.end <= text_.size(), "a range of the copy");
  ByteRange range = folded;
  if (!pieces_.empty()) {
    const Piece& first = PieceOf(folded.begin);
    range.begin = first.original + (first.length == 0 ? folded.begin - first.folded : 0);
    const Piece& last = PieceOf(folded.end - 1);
    range.end = last.original + (last.length == 0 ? folded.end - last.folded : last.length);
  }
  while (range.begin > 0 && IsContinuation(original_[range.begin])) --range.begin;
  while (range.end < original_.size() && IsContinuation(original_[range.end])) ++range.end;
  return range;
}

}  // namespace weir::privacy
