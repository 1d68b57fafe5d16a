#include "json/writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "json/parse.h"

namespace weir::json {
namespace {

TEST(Writer, PlacesCommasAndColons) {
  std::string out;
  Writer writer(&out);
  writer.BeginObject().Field("a", 1).Field("b", "x").Key("c").BeginArray();
  writer.Int(1).BeginObject().EndObject().BeginArray().EndArray().Null().EndArray();
  writer.Field("d", true).Field("e", 0.5).Key("f").Raw("{\"g\":1}").EndObject();
  EXPECT_EQ(out, R"({"a":1,"b":"x","c":[1,{},[],null],"d":true,"e":0.5,"f":{"g":1}})");
}

TEST(Writer, EscapesWhatJsonForbidsInStrings) {
  std::string text;
  for (char c = 0; c < 0x20; ++c) text += c;
  text += "\"\\/\x7f\u2028";
  std::string out;
  AppendString(out, text);
  EXPECT_EQ(Parse(out).value(), Value(text));
  EXPECT_NE(out.find("\\u0000\\u0001"), std::string::npos);
}

// Strings are read eight bytes at a time: each place in such a step, and each step, is one.
TEST(Writer, EscapesAtEveryPlace) {
  for (size_t at = 0; at < 24; ++at) {
    for (const char odd : {'"', '\\', '\n', '\x1f', '\0', '\x7f', '!', '#', ' '}) {
      std::string text(24, 'a');
      text[at] = odd;
      text += "\u00e9\"\n\u4e2d\U0001F600 z";
      std::string out;
      AppendString(out, text);
      EXPECT_EQ(Parse(out).value(), Value(text)) << at << " " << odd;
      const bool escaped = odd == '"' || odd == '\\' || (odd >= 0 && odd < 0x20);
      EXPECT_EQ(out[at + 1] == '\\', escaped) << at << " " << odd;
    }
  }
}

TEST(Writer, EscapesAtEveryPlaceOfEverySize) {
  for (size_t size = 0; size < 34; ++size) {
    for (size_t at = 0; at <= size; ++at) {  // at the end: nothing is odd
      std::string text(size, '~');
      if (at < size) text[at] = at % 3 == 0 ? '"' : at % 3 == 1 ? '\\' : '\x1f';
      std::string out = "[";
      AppendString(out, text);
      out += ']';
      EXPECT_EQ(Parse(out).value(), Value(Array{Value(text)})) << size << " " << at;
    }
  }
}

TEST(Writer, TakesNamesThatTheCodeDoesNotKnow) {
  std::string out;
  Writer writer(&out);
  const std::string name = "a \"name\"";
  writer.BeginObject()
      .Field(name, 1)
      .Field(std::string_view(), "x")
      .Key("known")
      .Null()
      .Field(name.c_str() + 3, true);
  writer.EndObject();
  EXPECT_EQ(out, R"({"a \"name\"":1,"":"x","known":null,"name\"":true})");
}

TEST(Writer, ReplacesBytesThatAreNotUtf8) {
  std::string out;
  AppendString(out, "a\xff\xe4\xb8z\u00e9");
  EXPECT_EQ(out, "\"a\uFFFD\uFFFD\uFFFDz\u00e9\"");
}

TEST(Writer, DoublesReadBackAsTheSame) {
  for (const double value : {0.1, 1.0, -0.0, 1e300, 5e-324, 1.0 / 3, 123456789.125,
                             std::numeric_limits<double>::max()}) {
    std::string out;
    AppendDouble(out, value);
    const Value back = Parse(out).value();
    ASSERT_NE(back.AsDouble(), nullptr) << out;
    EXPECT_EQ(*back.AsDouble(), value);
    EXPECT_EQ(std::signbit(*back.AsDouble()), std::signbit(value));
  }
  std::string shortest;
  AppendFloat(shortest, 0.1f);
  EXPECT_EQ(shortest, "0.1");
}

TEST(Writer, WritesNullForWhatJsonHasNot) {
  std::string out;
  AppendDouble(out, std::numeric_limits<double>::quiet_NaN());
  AppendDouble(out, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(out, "nullnull");
}

TEST(Print, ReadsBackAsTheSameTree) {
  const Value tree(
      Object{{"k", Array{Value(), false, 7, uint64_t{1} << 63, 2.5, "text", Array{}, Object{}}}});
  EXPECT_EQ(Parse(Print(tree)).value(), tree);
}

TEST(WriterDeathTest, AValueInAnObjectWithoutItsKeyIsABug) {
  std::string out;
  Writer writer(&out);
  writer.BeginObject();
  EXPECT_DEATH(writer.Int(1), "needs a key");
  EXPECT_DEATH(writer.EndArray(), "wrong bracket");
}

}  // namespace
}  // namespace weir::json
