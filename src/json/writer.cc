#include "json/writer.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/utf8.h"

namespace weir::json {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void AppendEscaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      break;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<uint8_t>(c);
  out += "\\u00";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

bool NeedsEscape(char c) { return static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\'; }

// The first byte from `at` on that has to be escaped, found eight at a time; the end without one.
// A byte of `eight` is below n, or equal to n, where subtracting (or after an exclusive or)
// borrows: the lowest bit found is right, those above it may be its borrows.
size_t NextEscape(std::string_view text, size_t at) {
  static_assert(std::endian::native == std::endian::little);
  constexpr uint64_t kOnes = 0x0101010101010101;
  for (uint64_t eight = 0; text.size() - at >= sizeof eight; at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    const uint64_t quote = eight ^ (kOnes * '"');
    const uint64_t backslash = eight ^ (kOnes * '\\');
    const uint64_t found = (((eight - kOnes * 0x20) & ~eight) | ((quote - kOnes) & ~quote) |
                            ((backslash - kOnes) & ~backslash)) &
                           (kOnes * 0x80);
    if (found != 0) return at + static_cast<size_t>(std::countr_zero(found)) / 8;
  }
  while (at < text.size() && !NeedsEscape(text[at])) ++at;
  return at;
}

// Whether all bytes are plain, looked at eight at a time; the last eight once more where fewer are
// left. Nothing borrows from a byte before the first that is found.
bool ArePlain(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr size_t kWord = sizeof(uint64_t);
  if (text.size() < kWord) return std::ranges::all_of(text, IsPlain);
  for (size_t at = 0;; at = std::min(at + kWord, text.size() - kWord)) {
    uint64_t eight = 0;
    std::memcpy(&eight, text.data() + at, kWord);
    const uint64_t quote = eight ^ (kOnes * '"');
    const uint64_t backslash = eight ^ (kOnes * '\\');
    const uint64_t found =
        (eight | (eight - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes)) & (kOnes * 0x80);
    if (found != 0) return false;
    if (at + kWord == text.size()) return true;
  }
}

// `text` between quotes, after a comma where one is due and before `end`.
void AppendPlain(std::string& out, bool comma, std::string_view text, std::string_view end) {
  const size_t size = out.size() + (comma ? 1 : 0) + 1 + text.size() + end.size();
  out.resize_and_overwrite(size, [&, at = out.size()](char* bytes, size_t) mutable {
    if (comma) bytes[at++] = ',';
    bytes[at++] = '"';
    at += text.copy(bytes + at, text.size());
    end.copy(bytes + at, end.size());
    return size;
  });
}

std::string Repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t length = 1;
    while (length <= 4 && length <= text.size() && !IsValidUtf8(text.substr(0, length))) ++length;
    if (length <= 4 && length <= text.size()) {
      out += text.substr(0, length);
    } else {
      length = 1;
      out += kReplacement;
    }
    text.remove_prefix(length);
  }
  return out;
}

template <class Float>
void AppendFloating(std::string& out, Float value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const std::string_view digits(buffer, static_cast<size_t>(end - buffer));
  out += digits;
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void AppendInt(std::string& out, auto value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

}  // namespace

void AppendString(std::string& out, std::string_view text) {
  if (ArePlain(text)) return AppendPlain(out, false, text, "\"");
  if (!IsValidUtf8(text)) [[unlikely]]
    return AppendString(out, Repaired(text));
  out += '"';
  for (size_t start = 0;;) {
    const size_t next = NextEscape(text, start);
    out.append(text, start, next - start);
    if (next == text.size()) break;
    AppendEscaped(out, text[next]);
    start = next + 1;
  }
  out += '"';
}

void AppendDouble(std::string& out, double value) { AppendFloating(out, value); }
void AppendFloat(std::string& out, float value) { AppendFloating(out, value); }

void Append(std::string& out, const Value& value) {
  switch (value.type()) {
    case Type::kNull:
      out += "null";
      return;
    case Type::kBool:
      out += *value.AsBool() ? "true" : "false";
      return;
    case Type::kInt:
      AppendInt(out, *value.AsInt());
      return;
    case Type::kUint:
      AppendInt(out, *value.AsUint());
      return;
    case Type::kDouble:
      AppendDouble(out, *value.AsDouble());
      return;
    case Type::kString:
      AppendString(out, *value.AsString());
      return;
    case Type::kArray: {
      char separator = '[';
      for (const Value& item : *value.AsArray()) {
        out += separator;
        Append(out, item);
        separator = ',';
      }
      out += value.AsArray()->empty() ? "[]" : "]";
      return;
    }
    case Type::kObject: {
      char separator = '{';
      for (const Member& member : *value.AsObject()) {
        out += separator;
        AppendString(out, member.key);
        out += ':';
        Append(out, member.value);
        separator = ',';
      }
      out += value.AsObject()->empty() ? "{}" : "}";
      return;
    }
  }
}

std::string Print(const Value& value) {
  std::string out;
  Append(out, value);
  return out;
}

void Writer::BeforeValue() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (depth_ == 0) return;
  const uint64_t bit = uint64_t{1} << (depth_ - 1);
  CHECK((is_object_ & bit) == 0, "a value in an object needs a key");
  if (has_items_ & bit) out_ += ',';
  has_items_ |= bit;
}

Writer& Writer::Begin(char bracket, bool object) {
  BeforeValue();
  CHECK(depth_ < kDepthMax, "JSON written deeper than 64");
  const uint64_t bit = uint64_t{1} << depth_++;
  is_object_ = object ? is_object_ | bit : is_object_ & ~bit;
  has_items_ &= ~bit;
  out_ += bracket;
  return *this;
}

Writer& Writer::End(char bracket, bool object) {
  CHECK(depth_ > 0 && !after_key_, "JSON closed without being open, or after a key");
  const uint64_t bit = uint64_t{1} << --depth_;
  CHECK(((is_object_ & bit) != 0) == object, "JSON closed with the wrong bracket");
  out_ += bracket;
  return *this;
}

Writer& Writer::BeginObject() { return Begin('{', true); }
Writer& Writer::EndObject() { return End('}', true); }
Writer& Writer::BeginArray() { return Begin('[', false); }
Writer& Writer::EndArray() { return End(']', false); }

Writer& Writer::Key(Name key) {
  CHECK(depth_ > 0 && !after_key_, "a key outside an object, or after a key");
  const uint64_t bit = uint64_t{1} << (depth_ - 1);
  CHECK((is_object_ & bit) != 0, "a key in an array");
  const bool comma = (has_items_ & bit) != 0;
  has_items_ |= bit;
  after_key_ = true;
  if (key.is_plain()) {
    AppendPlain(out_, comma, key.text(), "\":");
  } else {
    if (comma) out_ += ',';
    AppendString(out_, key.text());
    out_ += ':';
  }
  return *this;
}

Writer& Writer::String(std::string_view text) {
  BeforeValue();
  AppendString(out_, text);
  return *this;
}
Writer& Writer::Int(int64_t value) {
  BeforeValue();
  AppendInt(out_, value);
  return *this;
}
Writer& Writer::Double(double value) {
  BeforeValue();
  AppendDouble(out_, value);
  return *this;
}
Writer& Writer::Float(float value) {
  BeforeValue();
  AppendFloat(out_, value);
  return *this;
}
Writer& Writer::Bool(bool value) {
  BeforeValue();
  out_ += value ? "true" : "false";
  return *this;
}
Writer& Writer::Null() {
  BeforeValue();
  out_ += "null";
  return *this;
}
Writer& Writer::Tree(const Value& value) {
  BeforeValue();
  Append(out_, value);
  return *this;
}
Writer& Writer::Raw(std::string_view json) {
  BeforeValue();
  out_ += json;
  return *this;
}

}  // namespace weir::json
