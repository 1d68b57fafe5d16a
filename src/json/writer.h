// JSON as text, appended to a string of the caller's: of a tree (Print, Append) or call by call
// (Writer, for hot paths: no tree, no allocation besides the string's own).
//
// Doubles are printed as the shortest text that reads back as the same double (float: as the same
// float), with ".0" where it would else read as an integer. NaN and infinity, which JSON has not,
// are printed as null. Bytes that are not valid UTF-8 are replaced by U+FFFD, so that the output is
// always valid.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "json/value.h"

namespace weir::json {

std::string Print(const Value& value);
void Append(std::string& out, const Value& value);
void AppendString(std::string& out, std::string_view text);  // with the quotes
void AppendDouble(std::string& out, double value);
void AppendFloat(std::string& out, float value);

// Writes the commas and colons. Calls out of order (a value in an object without its key, an End
// without its Begin, nesting beyond 64) are bugs and CHECKed.
class Writer {
 public:
  explicit Writer(std::string* out) : out_(*out) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Writer& BeginObject();
  Writer& EndObject();
  Writer& BeginArray();
  Writer& EndArray();
  Writer& Key(std::string_view key);

  Writer& String(std::string_view text);
  Writer& Int(int64_t value);
  Writer& Double(double value);
  Writer& Float(float value);
  Writer& Bool(bool value);
  Writer& Null();
  Writer& Tree(const Value& value);
  Writer& Raw(std::string_view json);  // text that is JSON already

  // Key and value in one.
  Writer& Field(std::string_view key, std::string_view text) { return Key(key).String(text); }
  Writer& Field(std::string_view key, const char* text) { return Key(key).String(text); }
  Writer& Field(std::string_view key, std::integral auto value) { return Key(key).Int(value); }
  Writer& Field(std::string_view key, bool value) { return Key(key).Bool(value); }
  Writer& Field(std::string_view key, double value) { return Key(key).Double(value); }

 private:
  void BeforeValue();
  Writer& Begin(char bracket, bool object);
  Writer& End(char bracket, bool object);

  static constexpr int kDepthMax = 64;
  std::string& out_;
  int depth_ = 0;
  uint64_t is_object_ = 0;  // a bit for each open level
  uint64_t has_items_ = 0;
  bool after_key_ = false;
};

}  // namespace weir::json
