// JSON as text, appended to a string of the caller's: of a tree (Print, Append) or call by call
// (Writer, for hot paths: no tree, no allocation besides the string's own).
//
// Doubles are printed as the shortest text that reads back as the same double (float: as the same
// float), with ".0" where it would else read as an integer. NaN and infinity, which JSON has not,
// are printed as null. Bytes that are not valid UTF-8 are replaced by U+FFFD, so that the output is
// always valid.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "json/value.h"

namespace weir::json {

std::string Print(const Value& value);
void Append(std::string& out, const Value& value);
void AppendString(std::string& out, std::string_view text);  // with the quotes
void AppendDouble(std::string& out, double value);
void AppendFloat(std::string& out, float value);

// A byte that stands in a JSON string as it is, and needs no look at its neighbours.
constexpr bool IsPlain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

// The name of a field. One that is written down in the code is looked at when it is compiled, and
// has to be plain; others when they are written.
class Name {
 public:
  template <size_t N>
  consteval Name(const char (&literal)[N])  // NOLINT(google-explicit-constructor)
      : text_(literal, N - 1), is_plain_(true) {
    for (const char c : text_) {
      if (!IsPlain(c)) throw "a name in the code that needs escapes";
    }
  }
  template <std::convertible_to<std::string_view> Text>
    requires(!std::is_array_v<std::remove_reference_t<Text>>)
  Name(const Text& text) : text_(text) {}  // NOLINT(google-explicit-constructor)

  std::string_view text() const { return text_; }
  bool is_plain() const { return is_plain_; }

 private:
  std::string_view text_;
  bool is_plain_ = false;
};

// Writes the commas and colons. Calls out of order (a value in an object without its key, an End
// without its Begin, nesting beyond 64) are bugs and CHECKed.
class Writer {
 public:
  // Most that is written has some hundred bytes: growing to that by doubling costs more than the
  // writing.
  explicit Writer(std::string* out) : out_(*out) {
    if (out_.capacity() < kBytesAtFirst) out_.reserve(kBytesAtFirst);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Writer& BeginObject();
  Writer& EndObject();
  Writer& BeginArray();
  Writer& EndArray();
  Writer& Key(Name key);

  Writer& String(std::string_view text);
  Writer& Int(int64_t value);
  Writer& Double(double value);
  Writer& Float(float value);
  Writer& Bool(bool value);
  Writer& Null();
  Writer& Tree(const Value& value);
  Writer& Raw(std::string_view json);  // text that is JSON already

  // Key and value in one.
  Writer& Field(Name key, std::string_view text) { return Key(key).String(text); }
  Writer& Field(Name key, const char* text) { return Key(key).String(text); }
  Writer& Field(Name key, std::integral auto value) { return Key(key).Int(value); }
  Writer& Field(Name key, bool value) { return Key(key).Bool(value); }
  Writer& Field(Name key, double value) { return Key(key).Double(value); }

 private:
  void BeforeValue();
  Writer& Begin(char bracket, bool object);
  Writer& End(char bracket, bool object);

  static constexpr size_t kBytesAtFirst = 512;
  static constexpr int kDepthMax = 64;
  std::string& out_;
  int depth_ = 0;
  uint64_t is_object_ = 0;  // a bit for each open level
  uint64_t has_items_ = 0;
  bool after_key_ = false;
};

}  // namespace weir::json
