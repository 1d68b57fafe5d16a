#include "json/parse.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "json/writer.h"

namespace weir::json {
namespace {

std::string Message(std::string_view text, const Limits& limits = {}) {
  const Result<Value> value = Parse(text, limits);
  return value ? "accepted" : value.error().message;
}

// The test data that does not travel with the sources; empty where it is absent.
std::filesystem::path SharedData() {
  if (const char* set = std::getenv("WEIR_SHARED_DATA")) return set;
  for (const char* beside : {"/../shared/data", "/shared/data"}) {
    const std::filesystem::path path = std::string(WEIR_SOURCE_DIR) + beside;
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(Parse, KeepsTypesAndOrder) {
  const Result<Value> value =
      Parse(R"({"b":[null,true,-1,18446744073709551615,1.5,"x\n\u00e9"],"a":{}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(Print(*value),
            "{\"b\":[null,true,-1,18446744073709551615,1.5,\"x\\n\u00e9\"],\"a\":{}}");
  const Array& items = *value->Find("b")->AsArray();
  EXPECT_EQ(items[2].type(), Type::kInt);
  EXPECT_EQ(items[3].type(), Type::kUint);
  EXPECT_EQ(items[4].type(), Type::kDouble);
}

TEST(Parse, ReadsLongNumbersAsTheyAre) {
  for (const char* text : {"88693988989898888e4", "886939889898988880000.0", "1e22", "-0.0",
                           "2e-324", "123456789012345678901234567890.5e-10"}) {
    const Result<Value> value = Parse(text);
    ASSERT_TRUE(value) << text;
    ASSERT_NE(value->AsDouble(), nullptr) << text;
    EXPECT_EQ(*value->AsDouble(), std::strtod(text, nullptr)) << text;
    const Result<Value> again = Parse(Print(*value));
    EXPECT_TRUE(again && *again == *value) << text << " prints as " << Print(*value);
  }
}

TEST(Parse, ReadsAScalarAsADocument) {
  EXPECT_EQ(Parse("12").value(), Value(12));
  EXPECT_EQ(Parse(" \"a\" ").value(), Value("a"));
  EXPECT_EQ(Parse("null").value(), Value());
  for (const char* text : {"falseU", "12a", "\"a\"b", "nul", "tru", "-", "1 2"}) {
    EXPECT_NE(Message(text), "accepted") << text;
  }
}

TEST(Parse, SaysWhereWhatFollowsTheDocumentBegins) {
  const std::pair<std::string, std::string> cases[] = {
      {"{}{}", "after the end of the value, at byte 2"},
      {R"({"a":1} x)", "after the end of the value, at byte 8"},
      {R"( {"a":"}\"{"}  ])", "after the end of the value, at byte 15"},
      {"[1] 2", "after the end of the value, at byte 4"},
      {R"({"a":1)", "missing or misplaced, at byte 6"},
      {R"({"a":[1})", "at byte"},
  };
  for (const auto& [text, says] : cases) {
    EXPECT_NE(Message(text).find(says), std::string::npos) << text << ": " << Message(text);
  }
}

TEST(Parse, RefusesDuplicateKeysAndNamesThem) {
  const Result<Value> value = Parse(R"({"a":1,"model":{"x":1,"x":2}})");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().param, "x");
  EXPECT_NE(value.error().message.find("\"x\" appears twice"), std::string::npos);
  EXPECT_NE(Message(R"({"a":1,"\u0061":2})"), "accepted");  // the same key, written differently
  std::string large = "{";
  for (int i = 0; i < 100; ++i) large += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(Message(large + "\"last\":0}"), "accepted");
  EXPECT_NE(Message(large + "\"k42\":0}"), "accepted");
}

TEST(Parse, RefusesLoneSurrogates) {
  for (const char* text : {R"("\ud800")", R"("\udc00")", R"("\ud800\ud800")", R"("\ud800a")",
                           R"({"\udfff":1})", R"("\udc00\ud800")", R"("\ud83d\u0041")"}) {
    EXPECT_NE(Message(text), "accepted") << text;
  }
  EXPECT_EQ(Parse(R"("\ud83d\ude00")").value(), Value("\U0001F600"));
}

TEST(Parse, RefusesNumbersThatDoNotFit) {
  EXPECT_NE(Message("18446744073709551616"), "accepted");
  EXPECT_NE(Message("-9223372036854775809"), "accepted");
  EXPECT_NE(Message("1e400"), "accepted");
  EXPECT_EQ(Parse("-9223372036854775808").value(), Value(std::numeric_limits<int64_t>::min()));
}

TEST(Parse, TheErrorTellsThePlaceAndNeverTheText) {
  EXPECT_EQ(Message(R"({"a": secret})").find("secret"), std::string::npos);
  EXPECT_NE(Message(R"({"a": secret})").find("at byte 6"), std::string::npos);
  EXPECT_NE(Message("[1] [2]").find("something after the end of the value, at byte 4"),
            std::string::npos);
  EXPECT_NE(Message("[\"a\xff\"]").find("UTF-8 at byte 3"), std::string::npos);
  EXPECT_NE(Message("[\"a").find("not closed"), std::string::npos);
  EXPECT_NE(Message("").find("empty"), std::string::npos);
  EXPECT_NE(Message("   ").find("empty"), std::string::npos);
}

TEST(Parse, HoldsTheLimitsAndNamesThem) {
  const std::string deep128 = std::string(128, '[') + std::string(128, ']');
  EXPECT_EQ(Message(deep128), "accepted");
  EXPECT_NE(Message("[" + deep128 + "]").find("deeper than 128"), std::string::npos);
  EXPECT_NE(Message(std::string(100'000, '[')), "accepted");
  EXPECT_NE(Message("[1,2,3]", {.values = 3}).find("more than 3 values"), std::string::npos);
  EXPECT_EQ(Message("[1,2]", {.values = 3}), "accepted");
  const Result<Value> large = Parse("[1,2]", {.bytes = 4});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::kTooLarge);
  EXPECT_NE(large.error().message.find("the most is 4"), std::string::npos);
}

TEST(Parse, AgreesWithJSONTestSuite) {
  const std::filesystem::path folder = SharedData() / "json/JSONTestSuite/test_parsing";
  if (!std::filesystem::exists(folder)) {
    std::puts(
        "skipped: JSONTestSuite is not here (WEIR_SHARED_DATA names the folder that holds it)");
    GTEST_SKIP();
  }
  int accepted = 0;
  int refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    const std::string message = Message(ReadFile(entry.path()));
    if (name == "y_object_duplicated_key.json" ||
        name == "y_object_duplicated_key_and_value.json") {
      EXPECT_NE(message, "accepted") << name;  // valid JSON, refused here on purpose
    } else if (name.starts_with("y_")) {
      EXPECT_EQ(message, "accepted") << name;
      ++accepted;
    } else if (name.starts_with("n_")) {
      EXPECT_NE(message, "accepted") << name;
      ++refused;
    } else if (name.starts_with("i_string") || name.starts_with("i_object")) {
      EXPECT_NE(message, "accepted") << name;  // invalid UTF-8 and lone surrogates
    }
  }
  EXPECT_EQ(accepted, 93);
  EXPECT_EQ(refused, 188);
}

// On-Demand checks only what is visited; the DOM interface checks all. They must agree on every
// small text over the characters that matter.
TEST(Parse, AgreesWithTheDomParserOnAllShortTexts) {
  constexpr std::string_view kAlphabet = "[]{},:\"1- ae";
  simdjson::dom::parser dom;
  std::string text;
  const auto check = [&](auto&& self, size_t left) -> void {
    if (!text.empty()) {
      const bool valid = dom.parse(text).error() == simdjson::SUCCESS;
      const std::string message = Message(text);
      const bool twin = message.find("twice") != std::string::npos;
      EXPECT_EQ(message == "accepted" || twin, valid) << text << ": " << message;
    }
    if (left == 0) return;
    for (const char c : kAlphabet) {
      text.push_back(c);
      self(self, left - 1);
      text.pop_back();
    }
  };
  check(check, 4);
}

}  // namespace
}  // namespace weir::json
