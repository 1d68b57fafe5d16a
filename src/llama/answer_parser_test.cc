#include "llama/answer_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "llama/answer_format.h"
#include "llama/json_calls.h"

namespace weir::llama {
namespace {

using Data = AnswerFormat::Data;

struct Streamed {
  std::string text;
  std::string reasoning;
  std::vector<chat::ToolCall> calls;
  int64_t parsed = 0;
};

Streamed Feed(const AnswerFormat& format, const std::vector<std::string>& pieces) {
  AnswerParser parser(format, 5);
  Streamed all;
  const auto take = [&](const chat::Delta& delta) {
    all.text += delta.text;
    all.reasoning += delta.reasoning;
    for (const chat::ToolCallDelta& call : delta.tool_calls) {
      const auto index = static_cast<size_t>(call.index);
      if (all.calls.size() <= index) all.calls.resize(index + 1);
      all.calls[index].id += call.id;
      all.calls[index].name += call.name;
      all.calls[index].arguments += call.arguments;
    }
  };
  for (const std::string& piece : pieces) take(parser.Push(piece));
  take(parser.Finish());
  EXPECT_EQ(all.calls, parser.message().tool_calls);
  EXPECT_EQ(all.text, chat::TextOf(parser.message()));
  EXPECT_EQ(all.reasoning, parser.message().reasoning);
  EXPECT_EQ(parser.has_tool_calls(), !all.calls.empty());
  all.parsed = parser.parsed_bytes();
  return all;
}

std::vector<std::string> Cut(const std::string& text, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::string> pieces;
  for (size_t i = 0; i < text.size();) {
    size_t length = 1 + random() % 6;
    pieces.push_back(text.substr(i, length));
    i += length;
  }
  return pieces;
}

AnswerFormat ToolFormat(bool json_only = false, bool parallel = true) {
  auto data = std::make_shared<Data>();
  data->parallel = parallel;
  data->json_functions =
      FunctionsOf({{.name = "get_weather",
                    .parameters = R"({"type":"object","properties":{"city":{"type":"string"}},)"
                                  R"("required":["city"]})"},
                   {.name = "now"}});
  data->json_only = json_only;
  return AnswerFormat(data);
}

AnswerFormat ThinkFormat(bool starts) {
  auto data = std::make_shared<Data>();
  data->think_start = "<think>";
  data->think_end = "</think>";
  data->starts_thinking = starts;
  return AnswerFormat(data);
}

TEST(AnswerParser, PlainTextComesThroughAtOnce) {
  AnswerParser parser(AnswerFormat(), 1);
  EXPECT_EQ(parser.Push("Hello <").text, "Hello <");
  EXPECT_EQ(parser.Push("{ x").text, "{ x");
  EXPECT_EQ(parser.Finish().text, "");
}

TEST(AnswerParser, ThoughtsAreToldFromTheAnswerWhereverTokensEnd) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const auto tagged =
        Feed(ThinkFormat(false), Cut("<think>\nwhy < not\n</think>\n\nBecause.", seed));
    EXPECT_EQ(tagged.reasoning, "why < not");
    EXPECT_EQ(tagged.text, "Because.");
    const auto opened =
        Feed(ThinkFormat(true), Cut("why not\n</think>\n\nBecause </think>.", seed));
    EXPECT_EQ(opened.reasoning, "why not");
    EXPECT_EQ(opened.text, "Because </think>.");
  }
  EXPECT_EQ(Feed(ThinkFormat(false), {"No thought."}).text, "No thought.");
  EXPECT_EQ(Feed(ThinkFormat(true), {"cut off"}).reasoning, "cut off");
}

TEST(AnswerParser, JsonThatFitsOneFunctionIsACall) {
  const std::string call = R"({"name": "get_weather", "arguments": {"city": "Paris"}})";
  for (const std::string& answer :
       {call, "```json\n" + call + "\n```", "```\n" + call + "\n```\n",
        "<tool_call>\n" + call + "\n</tool_call>", R"({"type":"function","function":)" + call + "}",
        "[" + call + "]",
        std::string(R"({"name": "get_weather", "parameters": "{\"city\": \"Paris\"}"})")}) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      const auto all = Feed(ToolFormat(), Cut(answer, seed));
      ASSERT_EQ(all.calls.size(), 1u) << answer;
      EXPECT_EQ(all.calls[0].name, "get_weather");
      EXPECT_EQ(all.calls[0].arguments, R"({"city":"Paris"})");
      EXPECT_EQ(all.calls[0].id.size(), 29u);
      EXPECT_EQ(all.text, "") << answer;
    }
  }
  const auto prose = Feed(ToolFormat(), Cut("I look.\n```json\n" + call + "\n```", 3));
  EXPECT_EQ(prose.calls.size(), 1u);
  EXPECT_EQ(prose.text, "I look.\n");
  const auto two = Feed(ToolFormat(), Cut(call + "\n" + R"({"name":"now","arguments":{}})", 4));
  EXPECT_EQ(two.calls.size(), 2u);
}

TEST(AnswerParser, OneCallIsTakenWhereParallelCallsAreOff) {
  const std::string call = R"({"name": "get_weather", "arguments": {"city": "Paris"}})";
  const std::string other = R"({"name": "now", "arguments": {}})";
  for (const std::string& answer :
       {call + "\n" + other, "[" + call + ", " + other + "]",
        "<tool_call>\n" + call + "\n</tool_call>\n<tool_call>\n" + other + "\n</tool_call>"}) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      const auto both = Feed(ToolFormat(false, true), Cut(answer, seed));
      ASSERT_EQ(both.calls.size(), 2u) << answer;
      EXPECT_EQ(both.calls[1].name, "now");
      const auto one = Feed(ToolFormat(false, false), Cut(answer, seed));
      ASSERT_EQ(one.calls.size(), 1u) << answer;
      EXPECT_EQ(one.calls[0].name, "get_weather");
      EXPECT_EQ(one.text.find('{'), std::string::npos) << one.text;
    }
  }
}

TEST(AnswerParser, AStrictFunctionIsCalledWithWhatItsSchemaSaysOnly) {
  auto data = std::make_shared<Data>();
  data->json_functions = FunctionsOf(
      {{.name = "note",
        .parameters = R"({"type":"object","properties":{"text":{"type":["string","null"]},)"
                      R"("level":{"enum":["low","high"]},"at":{"$ref":"#/$defs/place"},)"
                      R"("tags":{"type":"array","items":{"type":"integer"},"maxItems":2},)"
                      R"("either":{"anyOf":[{"type":"boolean"},{"const":7}]}},)"
                      R"("required":["level"],"additionalProperties":false,)"
                      R"("$defs":{"place":{"type":"object","required":["x"],)"
                      R"("properties":{"x":{"type":"number"}},"additionalProperties":false}}})",
        .strict = true}});
  const AnswerFormat format(data);
  const auto taken = [&](const std::string& arguments) {
    const std::string answer = R"({"name": "note", "arguments": )" + arguments + "}";
    const Streamed all = Feed(format, Cut(answer, 1));
    EXPECT_EQ(all.text.empty(), all.calls.size() == 1) << arguments;
    return all.calls.size() == 1;
  };
  for (const char* fits : {R"({"level":"low"})", R"({"level":"high","text":"a"})",
                           R"({"level":"low","text":null})", R"({"level":"low","at":{"x":1.5}})",
                           R"({"level":"low","tags":[1,2]})", R"({"level":"low","tags":[]})",
                           R"({"level":"low","either":true})", R"({"level":"low","either":7})"}) {
    EXPECT_TRUE(taken(fits)) << fits;
  }
  for (const char* differs :
       {R"({})", R"({"level":"none"})", R"({"level":3})", R"({"level":"low","text":5})",
        R"({"level":"low","at":{}})", R"({"level":"low","at":{"x":"1"}})",
        R"({"level":"low","at":{"x":1,"y":2}})", R"({"level":"low","tags":[1,"2"]})",
        R"({"level":"low","tags":5})", R"({"level":"low","tags":[1,2,3]})",
        R"({"level":"low","either":8})", R"({"level":"low","other":1})"}) {
    EXPECT_FALSE(taken(differs)) << differs;
  }
}

TEST(AnswerParser, ASchemaThatNamesItselfIsCheckedInTime) {
  auto data = std::make_shared<Data>();
  data->json_functions = FunctionsOf(
      {{.name = "note",
        .parameters = R"({"type":"object","anyOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"}]})",
        .strict = true}});
  const auto all = Feed(AnswerFormat(data), {R"({"name": "note", "arguments": {}})"});
  EXPECT_EQ(all.calls.size(), 0u);
}

TEST(AnswerParser, JsonThatFitsNoFunctionIsContentToTheLastByte) {
  for (const std::string answer :
       {R"({"name": "get_time", "arguments": {}})", R"({"name": "get_weather", "arguments": {}})",
        R"({"city": "Paris"})", "{ not json }", "```python\nprint({})\n```", "{\"name\": \"now\"",
        "```json\n{\"a\":1}\n```\nmore {text}\n[x]", "``", "<tool_c", "a\n{\n{\n{", "[1, 2]\n{}"}) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      const auto all = Feed(ToolFormat(), Cut(answer, seed));
      EXPECT_TRUE(all.calls.empty()) << answer;
      EXPECT_EQ(all.text, answer);
    }
  }
}

TEST(AnswerParser, ARequiredCallThatALimitCutsOffIsNoContent) {
  const std::string whole = R"({"name": "get_weather", "arguments": {"city": "Par)";
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    const Streamed cut = Feed(ToolFormat(true), Cut(whole, seed));
    EXPECT_EQ(cut.text, "");
    ASSERT_EQ(cut.calls.size(), 1u);
    EXPECT_EQ(cut.calls[0].name, "get_weather");
    EXPECT_EQ(cut.calls[0].arguments, R"({"city": "Par)");
  }
  const Streamed nameless = Feed(ToolFormat(true), {R"({"name": "get_w)"});
  EXPECT_EQ(nameless.text, "");
  EXPECT_TRUE(nameless.calls.empty());
  EXPECT_EQ(Feed(ToolFormat(), {whole}).text, whole) << "which may be anything";
}

TEST(AnswerParser, TheSameSeedMakesTheSameIds) {
  const std::vector<std::string> pieces = {R"({"name":"now","arguments":{}})"};
  EXPECT_EQ(Feed(ToolFormat(true), pieces).calls, Feed(ToolFormat(true), pieces).calls);
}

TEST(AnswerParser, CostsAreLinearInTheAnswer) {
  // 20,000 tokens of 4 bytes, twice: prose, and a call with one large argument.
  std::vector<std::string> prose;
  std::string argument;
  for (int i = 0; i < 20'000; ++i) {
    prose.push_back(i % 10 == 9 ? "x.\n{" : "word");
    argument += "word";
  }
  const auto plain = Feed(ToolFormat(), prose);
  EXPECT_TRUE(plain.calls.empty());
  EXPECT_LT(plain.parsed, 20 * 80'000);
  const auto call = Feed(
      ToolFormat(), Cut(R"({"name":"get_weather","arguments":{"city":")" + argument + "\"}}", 1));
  ASSERT_EQ(call.calls.size(), 1u);
  EXPECT_LT(call.parsed, 3 * 80'100);

  // llama-common's parser over all of it.
  auto data = std::make_shared<Data>();
  data->has_parser = true;
  data->simple = false;
  const auto whole = Feed(AnswerFormat(data), prose);
  EXPECT_EQ(whole.text.size(), 80'000u);
  EXPECT_LT(whole.parsed, 20 * 80'000);
}

}  // namespace
}  // namespace weir::llama
