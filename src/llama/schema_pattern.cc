#include "llama/schema_pattern.h"

#include <fmt/format.h>

#include <cctype>

#include "llama/schema_check.h"

namespace weir::llama {
namespace {

size_t EscapeLength(std::string_view body, size_t at, bool in_class) {
  if (at + 1 >= body.size()) return 0;
  const char next = body[at + 1];
  if (next == 't' || next == 'r' || next == 'n' || next == '\\') return 2;
  if (std::string_view("[]-").find(next) != std::string_view::npos && in_class) return 2;
  if (!in_class && std::string_view("^$.[]()|{}*+?").find(next) != std::string_view::npos) return 2;
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
    } else if (body[i] == '[' || body[i] == '"') {
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

}  // namespace

std::string PatternProblem(std::string_view pattern) {
  if (pattern.size() > static_cast<size_t>(kSchemaPatternBytesMax)) {
    return fmt::format("the pattern is over {} bytes", kSchemaPatternBytesMax);
  }
  if (pattern.size() < 2 || pattern.front() != '^' || pattern.back() != '$') {
    return "a pattern must begin with ^ and end with $";
  }
  return BodyProblem(pattern.substr(1, pattern.size() - 2));
}

}  // namespace weir::llama
