#include "dialects/anthropic/provider.h"

#include <gtest/gtest.h>

#include "dialects/anthropic/pieces.h"
#include "dialects/anthropic/request.h"
#include "dialects/provider/cases_for_test.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::anthropic {
namespace {

const provider::DialectUnderTest kTest = {&kProvider, kProviderRules};

TEST(Provider, RequestsBecomeTheCallsThatTheCasesSay) {
  provider::ExpectRequestsBecomeCalls(kTest);
}

TEST(Provider, AnswersBecomeTheEventsThatTheCasesSayWhereverTheyAreCut) {
  provider::ExpectAnswersBecomeEvents(kTest);
}

TEST(Provider, EveryFieldDoesWhatItsRuleSays) { provider::ExpectRulesHold(kTest); }

TEST(Provider, ThePageOfFieldsSaysWhatTheRulesSay) {
  provider::ExpectDocumented(kTest, "Anthropic");
}

constexpr const char* kToolLoop = R"({"model":"m","max_tokens":4000,
  "thinking":{"type":"enabled","budget_tokens":2000},
  "tools":[{"name":"weather","input_schema":{"type":"object"}}],
  "messages":[{"role":"user","content":"Rain?"},
    {"role":"assistant","content":[CONTENT
      {"type":"tool_use","id":"c0","name":"weather","input":{}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"c0","content":"yes"}]}]})";

std::string BodyOfToolLoop(std::string_view content) {
  std::string text(kToolLoop);
  text.replace(text.find("CONTENT"), 7, content);
  const auto asked = ReadMessagesCall(text);
  EXPECT_TRUE(asked) << asked.error().message;
  const auto call = WriteProviderChat(asked->request, {.name = "m"}, {}, false);
  EXPECT_TRUE(call) << call.error().message;
  return call->body;
}

TEST(ProviderThinking, GoesBackAsItCameAndGoesOnInToolLoops) {
  const std::string thinking =
      R"({"type":"thinking","thinking":"Hm \u00fc\n","signature":"c2ln"},)"
      R"({"type":"redacted_thinking","data":"ZGF0YQ=="},{"type":"text","text":"Wait."},)"
      R"({"type":"thinking","thinking":"","signature":"c2lo"},)";
  const std::string body = BodyOfToolLoop(thinking);
  const std::string sent = json::Print(*json::Parse("[" + thinking + "{}]"));
  EXPECT_NE(body.find(sent.substr(0, sent.size() - 4)), std::string::npos) << body;
  EXPECT_NE(body.find(R"("thinking":{"type":"enabled","budget_tokens":2000})"), std::string::npos);
}

TEST(ProviderThinking, PausesInAToolLoopThatBeganWithoutAnySigned) {
  for (const char* content :
       {"", R"({"type":"thinking","thinking":"Hm","signature":""},)",
        R"({"type":"text","text":"a"},{"type":"thinking","thinking":"","signature":"c2ln"},)"}) {
    EXPECT_NE(BodyOfToolLoop(content).find(R"("thinking":{"type":"disabled"})"), std::string::npos)
        << content;
  }
  EXPECT_EQ(BodyOfToolLoop(R"({"type":"thinking","thinking":"Hm","signature":""},)").find("Hm"),
            std::string::npos);
}

TEST(ProviderCalls, CarryTheNamesOfWhatIsTriedOutThere) {
  chat::GenerateRequest request = {.messages = {{.parts = {{.text = "a"}}}}};
  request.provider_fields["anthropic-beta"] = "one-2025-01-01,two";
  const auto call = WriteProviderChat(request, {.name = "m"}, {}, false);
  ASSERT_TRUE(call);
  EXPECT_EQ(chat::FindHeader(call->headers, "anthropic-beta"), "one-2025-01-01,two");
  EXPECT_EQ(call->body.find("one-2025"), std::string::npos);
}

TEST(ProviderModels, AreReadWithTheirBounds) {
  const auto read = ReadProviderModels(
      R"({"data":[{"id":"a","max_input_tokens":200000,"max_tokens":64000,
                   "capabilities":{"image_input":{"supported":true}}},{"id":"b"},{}]})");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].context_tokens, 200000);
  EXPECT_EQ((*read)[0].max_output_tokens, 64000);
  EXPECT_EQ((*read)[0].vision, true);
  EXPECT_EQ((*read)[1].vision, std::nullopt);
  EXPECT_FALSE(ReadProviderModels("{}"));
}

std::string Asked(const std::string& fields) {
  const auto call = ReadMessagesCall(R"({"model":"m","max_tokens":9,)" + fields + "}");
  if (!call) return call.error().param + ": " + call.error().message;
  const auto sent = WriteProviderChat(call->request, {.name = "claude"}, {}, false);
  return sent ? sent->body : sent.error().param;
}

TEST(ToAnthropicItself, WhatItsClientsSayIsSaid) {
  const std::string hello =
      R"("messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}])";
  const std::string head = R"({"model":"claude","max_tokens":9,)" + hello;
  EXPECT_EQ(Asked(hello), head + "}");
  for (const std::string& same :
       {std::string(R"("output_config":{"effort":"max"})"),
        std::string(R"("cache_control":{"type":"ephemeral"},"inference_geo":"eu",)"
                    R"("metadata":{"user_id":"u"},"service_tier":"standard_only")")}) {
    EXPECT_EQ(Asked(hello + "," + same), head + "," + same + "}");
  }
  EXPECT_EQ(Asked(hello + R"(,"thinking":{"type":"adaptive"})"),
            head + R"(,"thinking":{"type":"adaptive","display":"summarized"}})");
}

TEST(ToAnthropicItself, MarksOfCachesAndFailuresStayWhereTheyAre) {
  const std::string conversation =
      R"("system":[{"type":"text","text":"Be brief","cache_control":{"type":"ephemeral","ttl":"1h"}}],)"
      R"("messages":[{"role":"user","content":[{"type":"text","text":"Hi",)"
      R"("cache_control":{"type":"ephemeral"}}]},)"
      R"({"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{},)"
      R"("cache_control":{"type":"ephemeral"}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t",)"
      R"("content":[{"type":"text","text":"no"}],"is_error":true,)"
      R"("cache_control":{"type":"ephemeral"}}]}],)"
      R"("tools":[{"name":"f","input_schema":{"type":"object"},)"
      R"("cache_control":{"type":"ephemeral"}}])";
  EXPECT_EQ(Asked(conversation), R"({"model":"claude","max_tokens":9,)" + conversation + "}");
}

TEST(ToAnthropicItself, WhatWasPutIntoACacheIsTold) {
  const auto answer = ReadProviderChat({}, {}, {});
  ASSERT_TRUE(answer->Head(200, {{"content-type", "application/json"}}));
  std::vector<chat::Event> events;
  ASSERT_TRUE(answer->Feed(
      R"({"type":"message","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":)"
      R"({"input_tokens":2,"cache_read_input_tokens":30,"cache_creation_input_tokens":5,)"
      R"("output_tokens":1}})",
      events));
  ASSERT_TRUE(answer->End(events));
  const chat::Usage& usage = std::get<chat::Done>(events.back()).usage;
  EXPECT_EQ(usage.prompt_tokens, 37);
  std::string told;
  json::Writer writer(&told);
  WriteUsage(writer, usage);
  EXPECT_EQ(told, R"({"input_tokens":2,"cache_creation_input_tokens":5,)"
                  R"("cache_read_input_tokens":30,"output_tokens":1})");
}

}  // namespace
}  // namespace weir::anthropic
