#include "llama/schema_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "llama/schema_check.h"

namespace weir::llama {
namespace {

// Classes of ECMAScript that have a letter, as what stands between brackets.
std::string_view NamedClass(char letter) {
  switch (letter) {
    case 'd':
      return "0-9";
    case 'w':
      return "0-9A-Z_a-z";
    case 's':
      return R"(\x20)";  // the others need an escape in JSON, or an eye for them
    default:
      return "";
  }
}
// And their complements, where a backslash and all that needs an escape is left out anyway.
std::string_view ComplementOf(char letter) {
  switch (letter) {
    case 'D':
      return "0-9";
    case 'W':
      return "0-9A-Z_a-z";
    case 'S':
      return R"(\x20\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000\uFEFF)";
    default:
      return "";
  }
}

size_t EscapeLength(std::string_view body, size_t at, bool in_class) {
  if (at + 1 >= body.size()) return 0;
  const char next = body[at + 1];
  if (next == 't' || next == 'r' || next == 'n') return 2;
  if (std::ispunct(static_cast<unsigned char>(next)) != 0) return 2;
  if (!NamedClass(next).empty() || (!in_class && !ComplementOf(next).empty())) return 2;
  const size_t digits = next == 'x' ? 2 : next == 'u' ? 4 : 0;
  if (digits == 0 || at + 2 + digits > body.size()) return 0;
  for (size_t i = at + 2; i < at + 2 + digits; ++i) {
    if (!std::isxdigit(static_cast<unsigned char>(body[i]))) return 0;
  }
  return 2 + digits;
}

size_t ClassLength(std::string_view body, size_t at) {
  size_t i = at + 1;
  if (i < body.size() && body[i] == '^') ++i;
  const size_t first = i;
  while (i < body.size() && body[i] != ']') {
    if (body[i] == '\\') {
      const size_t length = EscapeLength(body, i, /*in_class=*/true);
      if (length == 0) return 0;
      i += length;
    } else if (body[i] == '[') {
      return 0;
    } else {
      ++i;
    }
  }
  return i < body.size() && i > first ? i + 1 - at : 0;
}

size_t RepetitionLength(std::string_view body, size_t at) {
  size_t i = at + 1;
  int numbers[2] = {0, 0};
  int count = 0;
  bool digits = false;
  for (; i < body.size() && body[i] != '}'; ++i) {
    if (body[i] == ',' && count == 0 && digits) {
      ++count;
      digits = false;
    } else if (body[i] >= '0' && body[i] <= '9' && numbers[count] <= kSchemaCountMax) {
      numbers[count] = numbers[count] * 10 + (body[i] - '0');
      digits = true;
    } else {
      return 0;
    }
  }
  if (i >= body.size() || numbers[0] > kSchemaCountMax || numbers[1] > kSchemaCountMax) return 0;
  if (count == 0 && !digits) return 0;
  if (count == 1 && digits && numbers[1] < numbers[0]) return 0;
  return i + 1 - at;
}

std::string BodyProblem(std::string_view body) {
  int depth = 0;
  bool item = false;  // something that can be repeated stands before
  for (size_t i = 0; i < body.size();) {
    const char c = body[i];
    if (c == '\\') {
      const size_t length = EscapeLength(body, i, /*in_class=*/false);
      if (length == 0) return ("the pattern has an escape that is not supported");
      i += length;
      item = true;
    } else if (c == '[') {
      const size_t length = ClassLength(body, i);
      if (length == 0) return ("the pattern has a character class that is not supported");
      i += length;
      item = true;
    } else if (c == '(') {
      if (++depth > 16) return ("the pattern's groups are nested over 16 deep");
      i += 1;
      if (i < body.size() && body[i] == '?') {
        if (body.substr(i, 2) != "?:") return ("the pattern has a group that is not supported");
        i += 2;
      }
      item = false;
    } else if (c == ')') {
      if (--depth < 0) return ("the pattern's parentheses do not match");
      ++i;
      item = true;
    } else if (c == '*' || c == '+' || c == '?') {
      if (!item) return ("the pattern repeats nothing");
      ++i;
      item = false;  // lazy and possessive repetitions are not supported
    } else if (c == '{') {
      const size_t length = RepetitionLength(body, i);
      if (!item || length == 0) return ("the pattern has a repetition that is not supported");
      i += length;
      item = false;
    } else if (c == '^' || c == '$' || c == ']' || c == '}') {
      return (fmt::format("the pattern has a {} that is not supported; escape it", c));
    } else {
      item = c != '|';
      ++i;
    }
  }
  return depth != 0 ? "the pattern's parentheses do not match" : "";
}

// What has to be escaped in a string of JSON.
bool NeedsEscape(uint32_t c) { return c < 0x20 || c == '"' || c == '\\'; }
constexpr std::string_view kEscapedClass = R"(\x00-\x1F\x22\x5C)";
// What may stand before and behind a pattern that is not anchored: a bound, so that an answer ends.
constexpr int kAroundMax = 256;
// The dot of ECMAScript matches no end of a line.
constexpr std::string_view kDot = R"([^\x00-\x1F\x22\x5C\u2028\u2029])";

// The escape of one character as a group that can be repeated.
std::string EscapeOf(uint32_t c) {
  switch (c) {
    case '"':
      return R"((?:\\"))";
    case '\\':
      return R"((?:\\\\))";
    case '\t':
      return R"((?:\\t))";
    case '\n':
      return R"((?:\\n))";
    case '\r':
      return R"((?:\\r))";
    default:
      return fmt::format(R"((?:\\u{:04X}))", c);
  }
}

struct Member {
  uint32_t point = 0;
  size_t length = 0;  // in the pattern
};

// The code point at `at`, escaped or not; the pattern is valid UTF-8.
Member MemberAt(std::string_view body, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(body[i]); };
  if (body[at] == '\\') {
    const char next = body[at + 1];
    if (next == 'x' || next == 'u') {
      const size_t length = next == 'x' ? 4 : 6;
      return {static_cast<uint32_t>(
                  std::stoul(std::string(body.substr(at + 2, length - 2)), nullptr, 16)),
              length};
    }
    const uint32_t point = next == 't'   ? '\t'
                           : next == 'n' ? '\n'
                           : next == 'r' ? '\r'
                                         : byte(at + 1);
    return {point, 2};
  }
  const unsigned char first = byte(at);
  const size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length == 1 || at + length > body.size()) return {first, 1};
  uint32_t point = first & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; ++i) point = point << 6 | (byte(at + i) & 0x3F);
  return {point, length};
}

std::string_view NamedAt(std::string_view body, size_t at) {
  return body[at] == '\\' ? NamedClass(body[at + 1]) : std::string_view();
}

// "[^...]": what it leaves out, and all that needs an escape.
std::string ComplementForJson(std::string_view whole) {
  std::string out = "[^";
  for (size_t i = 2; i + 1 < whole.size();) {
    const std::string_view named = NamedAt(whole, i);
    const Member one = MemberAt(whole, i);
    if (named.empty()) {
      // A hyphen between two stays the sign of a range.
      const bool sign = whole[i] == '-' && i > 2 && i + 2 < whole.size();
      out += sign || one.point >= 0x80 ? std::string(whole.substr(i, one.length))
                                       : fmt::format("\\x{:02X}", one.point);
    } else {
      out += named;
    }
    i += named.empty() ? one.length : 2;
  }
  return out + std::string(kEscapedClass) + "]";
}

// A character class, which begins at `at` and has `length` bytes.
std::string ClassForJson(std::string_view body, size_t at, size_t length) {
  const std::string_view whole = body.substr(at, length);
  if (whole[1] == '^') return ComplementForJson(whole);
  std::string kept;     // of the class
  std::string escaped;  // alternatives to it: what stands alone in the class
  std::string ranged;   // and what is part of a range
  const auto keep = [&](uint32_t from, uint32_t to) {
    if (from > to) return;
    const auto text = [](uint32_t point) {
      return point < 0x80      ? fmt::format("\\x{:02X}", point)
             : point < 0x10000 ? fmt::format("\\u{:04X}", point)
                               : fmt::format("\\U{:08X}", point);
    };
    kept += text(from);
    if (to > from) kept += "-" + text(to);
  };
  for (size_t i = 1; i + 1 < whole.size();) {
    if (const auto named = NamedAt(whole, i); !named.empty()) {
      kept += named;
      i += 2;
      continue;
    }
    const Member from = MemberAt(whole, i);
    i += from.length;
    if (whole[i] != '-' || i + 2 >= whole.size()) {
      if (NeedsEscape(from.point)) {
        escaped += "|" + EscapeOf(from.point);
      } else {
        keep(from.point, from.point);
      }
      continue;
    }
    const Member to = MemberAt(whole, i + 1);
    i += 1 + to.length;
    // The characters that need an escape split a range into up to four.
    uint32_t begin = from.point;
    for (uint32_t c = from.point; c <= std::min<uint32_t>(to.point, '\\'); ++c) {
      if (!NeedsEscape(c)) continue;
      if (c > begin) keep(begin, c - 1);
      begin = c + 1;
      ranged += "|" + EscapeOf(c);
    }
    keep(begin, to.point);
  }
  if (kept.empty()) escaped += ranged;
  if (escaped.empty()) return "[" + kept + "]";
  return "(?:" + (kept.empty() ? escaped.substr(1) : "[" + kept + "]" + escaped) + ")";
}

// One that is taken for itself, not for what it means in a pattern.
std::string LiteralOf(uint32_t point, std::string_view as_written) {
  if (NeedsEscape(point)) return EscapeOf(point);
  const bool plain = as_written.front() != '\\' || as_written[1] == 'x' || as_written[1] == 'u';
  if (plain || std::string_view("^$.[]()|{}*+?").find(as_written[1]) != std::string_view::npos)
    return std::string(as_written);
  return std::string(as_written.substr(1));
}

std::string BodyForJson(std::string_view body) {
  std::string out;
  for (size_t i = 0; i < body.size();) {
    if (body[i] == '[') {
      const size_t length = ClassLength(body, i);
      out += ClassForJson(body, i, length);
      i += length;
      continue;
    }
    if (body[i] == '.') {
      out += kDot;
      ++i;
      continue;
    }
    if (body[i] == '\\' && !NamedClass(body[i + 1]).empty()) {
      out += fmt::format("[{}]", NamedClass(body[i + 1]));
      i += 2;
      continue;
    }
    if (body[i] == '\\' && !ComplementOf(body[i + 1]).empty()) {
      out += fmt::format("[^{}{}]", ComplementOf(body[i + 1]), kEscapedClass);
      i += 2;
      continue;
    }
    const Member one = MemberAt(body, i);
    out += LiteralOf(one.point, body.substr(i, one.length));
    i += one.length;
  }
  return out;
}

struct Anchored {
  bool begin = false;
  bool end = false;
  std::string_view body = {};
};

Anchored AnchorsOf(std::string_view pattern) {
  Anchored out{.body = pattern};
  if (out.body.starts_with('^')) {
    out.begin = true;
    out.body.remove_prefix(1);
  }
  size_t slashes = 0;
  while (slashes + 1 < out.body.size() && out.body[out.body.size() - 2 - slashes] == '\\')
    ++slashes;
  if (out.body.ends_with('$') && slashes % 2 == 0) {
    out.end = true;
    out.body.remove_suffix(1);
  }
  return out;
}

// Outside of every group.
bool HasAlternatives(std::string_view body) {
  int depth = 0;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\\') {
      ++i;
    } else if (body[i] == '[') {
      i += std::max<size_t>(ClassLength(body, i), 1) - 1;
    } else if (body[i] == '(') {
      ++depth;
    } else if (body[i] == ')') {
      --depth;
    } else if (body[i] == '|' && depth == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string PatternProblem(std::string_view pattern) {
  if (pattern.size() > static_cast<size_t>(kSchemaPatternBytesMax)) {
    return fmt::format("the pattern is over {} bytes", kSchemaPatternBytesMax);
  }
  const Anchored anchored = AnchorsOf(pattern);
  if (anchored.begin != anchored.end && HasAlternatives(anchored.body))
    return "the pattern has alternatives of which one alone is anchored; put them in parentheses";
  return BodyProblem(anchored.body);
}

std::string PatternForJson(std::string_view pattern) {
  const Anchored anchored = AnchorsOf(pattern);
  const std::string body = BodyForJson(anchored.body);
  if (anchored.begin && anchored.end) return "^" + body + "$";
  const std::string around = fmt::format("{}{{0,{}}}", kDot, kAroundMax);
  return fmt::format("^{}(?:{}){}$", anchored.begin ? "" : around, body,
                     anchored.end ? "" : around);
}

std::string_view PatternOfFormat(std::string_view format) {
  constexpr std::pair<std::string_view, std::string_view> kPatterns[] = {
      {"duration", "^P([0-9]+[YMWD]|([0-9]+D)?T([0-9]+[HMS]|[0-9]+H[0-9]+M))$"},
      {"email",
       "^[a-zA-Z0-9_+-]+(\\.[a-zA-Z0-9_+-]+)*@[a-zA-Z0-9]+([.-][a-zA-Z0-9]+)*\\.[a-zA-Z]{2,}$"},
      {"hostname", "^[a-zA-Z0-9]+([.-][a-zA-Z0-9]+)*$"},
      {"ipv4",
       "^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}"
       "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$"},
      {"ipv6", "^([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}$"},
  };
  for (const auto& [name, pattern] : kPatterns) {
    if (name == format) return pattern;
  }
  return {};
}

}  // namespace weir::llama
