#include "json/fields.h"

#include <gtest/gtest.h>

#include "json/parse.h"

namespace weir::json {
namespace {

// The error that `read` ends in for `text`: "param: message", or "none".
template <class Read>
std::string ErrorOf(std::string_view text, Read read) {
  const Value document = Parse(text).value();
  Problem problem;
  Fields fields(problem, document);
  read(fields);
  if (!problem) return "none";
  EXPECT_EQ(problem.error().code, Code::kInvalidArgument);
  return problem.error().param + ": " + problem.error().message;
}

TEST(Fields, ReadsWhatIsThereAndNothingWhatIsNot) {
  const Value document =
      Parse(R"({"i":8.0,"d":1,"s":"x","b":true,"null":null,"l":["a","b"]})").value();
  Problem problem;
  Fields fields(problem, document);
  EXPECT_EQ(fields.Int("i", 0, 10), 8);
  EXPECT_EQ(fields.Number("d", 0, 2), 1.0);
  EXPECT_EQ(fields.String("s", 1), "x");
  EXPECT_EQ(fields.Bool("b"), true);
  EXPECT_EQ(fields.Int("null", 0, 1), std::nullopt);
  EXPECT_EQ(fields.Int("absent", 0, 1), std::nullopt);
  EXPECT_EQ(fields.Strings("l", 2, 1), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(problem);
}

TEST(Fields, NamesTheFieldAndTheLimit) {
  EXPECT_EQ(ErrorOf(R"({"n":9})", [](Fields& f) { f.Int("n", 1, 8); }),
            "n: n is out of range; it must be from 1 to 8");
  EXPECT_EQ(ErrorOf(R"({"n":1.5})", [](Fields& f) { f.Int("n", 1, 8); }),
            "n: n must be a whole number from 1 to 8");
  EXPECT_EQ(ErrorOf(R"({"n":18446744073709551615})", [](Fields& f) { f.Int("n", 1, 8); }),
            "n: n is out of range; it must be from 1 to 8");
  EXPECT_EQ(ErrorOf(R"({"n":"1"})", [](Fields& f) { f.Int("n", 1, 8); }),
            "n: n must be an integer, but is a string");
  EXPECT_EQ(ErrorOf(R"({"t":2.5})", [](Fields& f) { f.Number("t", 0, 2); }),
            "t: t is out of range; it must be from 0 to 2");
  EXPECT_EQ(ErrorOf(R"({"s":"abc"})", [](Fields& f) { f.String("s", 2); }),
            "s: s has 3 bytes; the most is 2");
  EXPECT_EQ(ErrorOf(R"({"l":[1,2]})", [](Fields& f) { f.List("l", 1); }),
            "l: l has 2 elements; the most is 1");
  EXPECT_EQ(ErrorOf(R"({"l":["a",1]})", [](Fields& f) { f.Strings("l", 4, 9); }),
            "l[1]: l[1] must be a string, but is a number");
  EXPECT_EQ(ErrorOf(R"({"m":{"a":1,"b":2}})", [](Fields& f) { f.Map("m", 1); }),
            "m: m has 2 fields; the most is 1");
  EXPECT_EQ(ErrorOf(R"({"w":"c"})", [](Fields& f) { f.Word<int>("w", {{"a", 1}, {"b", 2}}); }),
            "w: w is not known; it must be one of a, b");
  EXPECT_EQ(ErrorOf(R"({"s":null})", [](Fields& f) { f.Require().String("s", 2); }),
            "s: s is required");
  EXPECT_EQ(ErrorOf("[]", [](Fields&) {}), ": the document must be an object, but is an array");
}

TEST(Fields, TracksThePath) {
  EXPECT_EQ(
      ErrorOf(R"({"messages":[{},{"content":[{"text":7}]}]})",
              [](Fields& f) {
                const Array& messages = *f.List("messages", 9);
                Fields message(f.problem(), messages[1], f.PathOf("messages", 1));
                const Array& parts = *message.List("content", 9);
                Fields part(f.problem(), parts[0], message.PathOf("content", 0));
                part.String("text", 9);
              }),
      "messages[1].content[0].text: messages[1].content[0].text must be a string, but is a number");
}

TEST(Fields, KeepsTheFirstErrorAndReadsNothingAfterIt) {
  EXPECT_EQ(ErrorOf(R"({"a":"x","b":"y"})",
                    [](Fields& f) {
                      EXPECT_EQ(f.Int("a", 0, 1), std::nullopt);
                      EXPECT_EQ(f.String("b", 9), std::nullopt);
                      f.Require().Int("c", 0, 1);
                    }),
            "a: a must be an integer, but is a string");
}

TEST(Fields, RefusesUnknownFieldsAndNamesTheNearest) {
  const auto read = [](Fields& f) {
    f.Number("temperature", 0, 2);
    f.Int("top_k", 0, 9);
    const std::string_view ignored[] = {"user"};
    f.RefuseUnread(ignored);
  };
  EXPECT_EQ(ErrorOf(R"({"user":1,"temprature":1})", read),
            "temprature: temprature is not a known field; the nearest known field is temperature");
  EXPECT_EQ(ErrorOf(R"({"zzz":1})", read), "zzz: zzz is not a known field");
  EXPECT_EQ(ErrorOf(R"({"temperature":1,"user":"u"})", read), "none");
}

TEST(Fields, AnObjectHasAtMost1024Fields) {
  Object large;
  for (int i = 0; i < 1025; ++i) large.push_back({"k" + std::to_string(i), 0});
  Problem problem;
  Fields fields(problem, Value(large), "metadata");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem.error().message, "metadata has 1025 fields; the most is 1024");
}

}  // namespace
}  // namespace weir::json
