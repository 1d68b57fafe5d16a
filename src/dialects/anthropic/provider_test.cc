#include "dialects/anthropic/provider.h"

#include <gtest/gtest.h>

#include "dialects/anthropic/pieces.h"
#include "dialects/anthropic/request.h"
#include "dialects/provider/cases_for_test.h"
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
