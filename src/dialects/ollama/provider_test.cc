#include "dialects/ollama/provider.h"

#include <gtest/gtest.h>

#include "dialects/provider/cases_for_test.h"

namespace weir::ollama {
namespace {

const provider::DialectUnderTest kTest = {&kProvider, kProviderRules};

TEST(Provider, RequestsBecomeTheCallsThatTheCasesSay) {
  provider::ExpectRequestsBecomeCalls(kTest);
}

TEST(Provider, AnswersBecomeTheEventsThatTheCasesSayWhereverTheyAreCut) {
  provider::ExpectAnswersBecomeEvents(kTest);
}

TEST(Provider, EveryFieldDoesWhatItsRuleSays) { provider::ExpectRulesHold(kTest); }

TEST(Provider, ThePageOfFieldsSaysWhatTheRulesSay) { provider::ExpectDocumented(kTest, "Ollama"); }

TEST(ProviderEmbeddings, AreNeverCutOffInSilence) {
  const chat::EmbedRequest request = {.model = "m", .inputs = {{.text = "a"}, {.text = "b"}}};
  const auto call = WriteProviderEmbeddings(request, {.name = "e"}, {});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->body, R"({"model":"e","input":["a","b"],"truncate":false})");
  const auto read =
      ReadProviderEmbeddings(request, R"({"embeddings":[[3,4],[0,1]],"prompt_eval_count":2})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->vectors[0], (std::vector<float>{0.6f, 0.8f}));
  EXPECT_EQ(read->usage.prompt_tokens, 2);
  EXPECT_FALSE(ReadProviderEmbeddings(request, R"({"embeddings":[[3,4]]})"));
}

TEST(ProviderModels, AreReadFromTheTags) {
  const auto read = ReadProviderModels(R"({"models":[{"name":"a:b","model":"a:b"},{"name":"c"}]})");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[1].name, "c");
}

std::string Generated(const chat::GenerateRequest& request) {
  const auto call = WriteProviderChat(request, {.name = "m"}, {}, true);
  return call ? call->path + " " + call->body : call.error().param;
}

TEST(ProviderCompletions, GoOnFromTheirPrompt) {
  EXPECT_EQ(Generated({.prompts = {{.text = "Once"}}, .max_tokens = 8}),
            R"(/api/generate {"model":"m","prompt":"Once","raw":true,)"
            R"("options":{"num_predict":8},"stream":true})");
  EXPECT_EQ(Generated({.prompts = {{.text = "a"}}, .suffix = "c", .has_suffix = true}),
            R"(/api/generate {"model":"m","prompt":"a","suffix":"c","options":{},"stream":true})");
  EXPECT_EQ(Generated({.prompts = {{.text = "a"}, {.text = "b"}}}), "prompt");
  EXPECT_EQ(Generated({.prompts = {{.tokens = {1}}}}), "prompt");
  EXPECT_EQ(Generated({.prompts = {{.text = "a"}},
                       .suffix = "c",
                       .has_suffix = true,
                       .files = {{.name = "b", .text = "b"}}}),
            "input_extra");
}

TEST(ProviderCompletions, AreRead) {
  const auto answer = ReadProviderChat({}, {.streams = true}, {});
  std::vector<chat::Event> events;
  ASSERT_TRUE(answer->Head(200, {{"content-type", "application/x-ndjson"}}));
  ASSERT_TRUE(
      answer->Feed("{\"response\":\" upon\",\"done\":false}\n"
                   "{\"response\":\"\",\"done\":true,\"done_reason\":\"stop\"}\n",
                   events));
  ASSERT_TRUE(answer->End(events));
  const auto* delta = std::get_if<chat::Delta>(&events.at(1));
  ASSERT_NE(delta, nullptr);
  EXPECT_EQ(delta->text, " upon");
  EXPECT_TRUE(answer->Finished());
}

TEST(ProviderModels, AreAskedForWhatTheTagsDoNotTell) {
  const chat::ProviderCall call = ShowProviderModel("a:b");
  EXPECT_EQ(call.path, "/api/show");
  EXPECT_EQ(call.body, R"({"model":"a:b"})");
  chat::ListedProviderModel model = {.name = "a:b"};
  ReadProviderModel(R"({"capabilities":["completion","tools"],
                        "model_info":{"general.architecture":"llama","llama.context_length":8192}})",
                    model);
  EXPECT_EQ(model.context_tokens, 8192);
  EXPECT_EQ(model.tools, true);
  EXPECT_EQ(model.vision, false);
  chat::ListedProviderModel unknown = {.name = "c"};
  for (const char* body : {"{}", "[1]", "no JSON", R"({"model_info":{"a":1},"capabilities":{}})"})
    ReadProviderModel(body, unknown);
  EXPECT_EQ(unknown, chat::ListedProviderModel{.name = "c"});
}

}  // namespace
}  // namespace weir::ollama
