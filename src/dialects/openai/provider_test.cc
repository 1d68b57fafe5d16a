#include "dialects/openai/provider.h"

#include <gtest/gtest.h>

#include "dialects/openai/request.h"
#include "dialects/provider/cases_for_test.h"

namespace weir::openai {
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
  provider::ExpectDocumented(kTest, "OpenAI and servers that speak its dialect");
}

chat::EmbedRequest TwoTexts() { return {.model = "m", .inputs = {{.text = "a"}, {.text = "b"}}}; }

TEST(ProviderEmbeddings, AreAskedForAsBase64OrNumbers) {
  const auto call = WriteProviderEmbeddings(TwoTexts(), {.name = "m"}, {});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->path, "/embeddings");
  EXPECT_EQ(call->body, R"({"model":"m","input":["a","b"],"encoding_format":"base64"})");
  const auto numbers =
      WriteProviderEmbeddings(TwoTexts(), {.name = "m"}, {.base64_embeddings = false});
  EXPECT_NE(numbers->body.find("\"float\""), std::string::npos);
}

TEST(ProviderEmbeddings, ComeInTheOrderOfTheInputsAndOfUnitLength) {
  const auto read = ReadProviderEmbeddings(
      TwoTexts(), R"({"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":"AABAQAAAgEA="}],
                      "usage":{"prompt_tokens":4}})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->vectors, (std::vector<std::vector<float>>{{0.6f, 0.8f}, {0, 1}}));
  EXPECT_EQ(read->usage.prompt_tokens, 4);
}

TEST(ProviderEmbeddings, ThatLackOneOrRepeatOneAreMalformed) {
  for (const char* body :
       {R"({"data":[{"index":0,"embedding":[1]}]})", R"({"data":7})", "{", R"({"data":[{},{}]})",
        R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
        R"({"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[1]}]})",
        R"({"data":[{"index":0,"embedding":"AAA="},{"index":1,"embedding":[1]}]})"}) {
    const auto read = ReadProviderEmbeddings(TwoTexts(), body);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().reason, "provider_malformed") << body;
  }
}

TEST(ProviderEmbeddings, OfTextsAndTokensTogetherAreRefused) {
  const chat::EmbedRequest mixed = {.model = "m", .inputs = {{.text = "a"}, {.tokens = {1}}}};
  const auto call = WriteProviderEmbeddings(mixed, {.name = "m"}, {});
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, "input");
}

TEST(ProviderModels, AreReadInTheWordsOfManyServers) {
  const auto read = ReadProviderModels(R"({"data":[
    {"id":"plain"},
    {"id":"router","context_length":1000,"top_provider":{"max_completion_tokens":10},
     "architecture":{"input_modalities":["text","image"]},"supported_parameters":["seed","structured_outputs"]},
    {"id":"mistral","max_context_length":2000,"capabilities":{"vision":false,"function_calling":true}},
    {"id":"llama","meta":{"n_ctx_train":4096}},
    {"id":"smaller","meta":{"n_ctx":4096,"n_ctx_train":131072},"supported_parameters":["tools"]},
    {"id":7},{"name":"nameless"}]})");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 5u);
  EXPECT_EQ((*read)[0].json_schema, std::nullopt);
  EXPECT_EQ((*read)[1].json_schema, true);
  EXPECT_EQ((*read)[4].json_schema, false);
  EXPECT_EQ((*read)[4].context_tokens, 4096);
  EXPECT_EQ((*read)[0].context_tokens, std::nullopt);
  EXPECT_EQ((*read)[0].vision, std::nullopt);
  EXPECT_EQ((*read)[1].context_tokens, 1000);
  EXPECT_EQ((*read)[1].max_output_tokens, 10);
  EXPECT_EQ((*read)[1].vision, true);
  EXPECT_EQ((*read)[1].tools, false);
  EXPECT_EQ((*read)[2].vision, false);
  EXPECT_EQ((*read)[2].tools, true);
  EXPECT_EQ((*read)[3].context_tokens, 4096);
  EXPECT_TRUE(ReadProviderModels("[]"));
  EXPECT_FALSE(ReadProviderModels("{}"));
}

chat::GenerateRequest OncePrompt() {
  return {.prompts = {{.text = "Once"}}, .max_tokens = 8, .stop = {"."}};
}

TEST(ProviderCompletions, AreSentToServersThatHaveThem) {
  const auto call = WriteProviderChat(OncePrompt(), {.name = "m"},
                                      {.sampling = chat::SamplingNames::kVllm}, false);
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->path, "/completions");
  EXPECT_EQ(call->body, R"({"model":"m","prompt":"Once","max_tokens":8,"stop":["."]})");
  const auto refused = WriteProviderChat(OncePrompt(), {.name = "m"}, {}, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "prompt");
}

TEST(ProviderCompletions, OfSeveralPromptsOrWithLogprobsAreRefused) {
  const chat::Quirks vllm{.sampling = chat::SamplingNames::kVllm};
  chat::GenerateRequest two = OncePrompt();
  two.prompts.push_back({.text = "Twice"});
  EXPECT_EQ(WriteProviderChat(two, {.name = "m"}, vllm, false).error().param, "prompt");
  chat::GenerateRequest logprobs = OncePrompt();
  logprobs.logprobs = true;
  EXPECT_EQ(WriteProviderChat(logprobs, {.name = "m"}, vllm, false).error().param, "logprobs");
}

TEST(ProviderCompletions, AreReadAsTheTextOfAChoice) {
  const chat::ProviderCall call{.streams = true};
  const auto answer = ReadProviderChat(OncePrompt(), call, {});
  ASSERT_TRUE(answer->Head(200, {{"content-type", "text/event-stream"}}));
  std::vector<chat::Event> events;
  const auto fed = answer->Feed(
      "data: {\"choices\":[{\"index\":0,\"text\":\" upon\"}]}\n\n"
      "data: {\"choices\":[{\"index\":0,\"text\":\" a time\",\"finish_reason\":\"length\"}]}\n\n"
      "data: [DONE]\n\n",
      events);
  ASSERT_TRUE(fed) << fed.error().message;
  std::string text;
  for (const chat::Event& event : events) {
    if (const auto* delta = std::get_if<chat::Delta>(&event)) text += delta->text;
  }
  EXPECT_EQ(text, " upon a time");
  EXPECT_TRUE(answer->Finished());
}

TEST(ToOpenAiItself, WhatItsClientsSayIsSaidAndToOthersNotSent) {
  const std::string hello = R"("messages":[{"role":"user","content":"Hi"}])";
  const std::string said =
      R"(,"reasoning_effort":"xhigh","verbosity":"medium","metadata":{"a":"b"},)"
      R"("prompt_cache_key":"k","prompt_cache_retention":"24h","safety_identifier":"s",)"
      R"("service_tier":"flex","user":"u")";
  const auto call = ReadChat(R"({"model":"m",)" + hello + said + "}");
  ASSERT_TRUE(call) << call.error().message;
  const auto sent = WriteProviderChat(call->request, {.name = "m"}, {}, false);
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->body, R"({"model":"m",)" + hello + said + "}");
  const chat::Quirks other{.provider_fields = false, .refuses = {"verbosity"}};
  const auto elsewhere = WriteProviderChat(call->request, {.name = "m"}, other, false);
  ASSERT_TRUE(elsewhere) << elsewhere.error().message;
  EXPECT_EQ(elsewhere->body, R"({"model":"m",)" + hello + R"(,"reasoning_effort":"xhigh"})");
  chat::GenerateRequest brief = call->request;
  brief.verbosity = chat::Verbosity::kLow;
  EXPECT_EQ(WriteProviderChat(brief, {.name = "m"}, other, false).error().param, "verbosity");
}

}  // namespace
}  // namespace weir::openai
