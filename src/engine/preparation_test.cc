#include "engine/preparation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "llama/test_models.h"

namespace weir::engine {
namespace {

using llama::testing::StoriesPath;
using ::testing::HasSubstr;

constexpr Limits kLimits{.request_tokens_max = 64, .max_tokens_default = 20};

wire::Generate Completion() {
  wire::Generate asked;
  asked.request.prompts.push_back({.text = "Once upon a time"});
  return asked;
}

TEST(Preparation, EveryBoundIsNamed) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, kLimits);
  using Request = chat::GenerateRequest;
  const struct {
    const char* param;
    const char* said;
    std::function<void(Request&)> change;
  } cases[] = {
      {"messages", "not both", [](Request& r) { r.prompts.clear(); }},
      {"messages", "not both", [](Request& r) { r.messages.emplace_back(); }},
      {"n", "128", [](Request& r) { r.n = 0; }},
      {"n", "128", [](Request& r) { r.n = 129; }},
      {"n", "128", [](Request& r) { r.n = -5; }},
      {"n", "128",
       [](Request& r) {
         r.prompts.resize(2, r.prompts[0]);
         r.n = 65;
       }},
      {"prompt", "128", [](Request& r) { r.prompts.resize(129, r.prompts[0]); }},
      {"max_tokens", "1", [](Request& r) { r.max_tokens = 0; }},
      {"top_logprobs", "20", [](Request& r) { r.top_logprobs = 21; }},
      {"top_logprobs", "0", [](Request& r) { r.top_logprobs = -1; }},
      {"stop", "32", [](Request& r) { r.stop.assign(33, "x"); }},
      {"stop", "512", [](Request& r) { r.stop = {std::string(513, 'x')}; }},
      {"prompt", "511", [](Request& r) { r.prompts = {{.tokens = {3, 512}}}; }},
      {"prompt", "token id", [](Request& r) { r.prompts = {{.tokens = {-1}}}; }},
      {"prompt", "63", [](Request& r) { r.prompts = {{.tokens = std::vector<int32_t>(64, 3)}}; }},
      {"prompt", "at least", [](Request& r) { r.prompts[0].text.assign(1 << 20, ' '); }},
      {"suffix", "text",
       [](Request& r) {
         r.prompts = {{.tokens = {3}}};
         r.has_suffix = true;
       }},
      {"prediction.content", "1048576",
       [](Request& r) { r.prediction.assign((1 << 20) + 1, 'x'); }},
      {"temperature", "", [](Request& r) { r.sampling.temperature = -1.0f; }},
      {"logit_bias", "", [](Request& r) { r.sampling.logit_bias = {{512, 1.0f}}; }},
      {"logit_bias", "1024",
       [](Request& r) { r.sampling.text_bias = {{std::string(1025, 'x'), 1}}; }},
      {"logit_bias", "1024",
       [](Request& r) { r.sampling.text_bias.assign(1025, {std::string("x"), 1.0f}); }},
      {"context", "messages", [](Request& r) { r.context = {3}; }},
      {"", "grammar",
       [](Request& r) {
         r.response_format = {.kind = chat::ResponseFormat::Kind::kGrammar,
                              .grammar = "root ::= ("};
       }},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    wire::Generate asked = Completion();
    cases[i].change(asked.request);
    const auto prepared = preparation.Prepare(std::move(asked));
    ASSERT_FALSE(prepared) << "case " << i;
    EXPECT_EQ(prepared.error().code, Code::kInvalidArgument) << "case " << i;
    if (*cases[i].param != '\0') {
      EXPECT_EQ(prepared.error().param, cases[i].param) << "case " << i;
    }
    EXPECT_THAT(prepared.error().message, HasSubstr(cases[i].said)) << "case " << i;
  }
}

TEST(Preparation, WhatIsAtABoundIsTaken) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, kLimits);
  wire::Generate asked = Completion();
  asked.request.prompts = {{.tokens = std::vector<int32_t>(63, 300)}};
  asked.request.n = kForksMax;
  asked.request.stop.assign(llama::kStopsMax, std::string(llama::kStopBytesMax, 'x'));
  asked.request.top_logprobs = llama::kTopLogprobsMax;
  const auto prepared = preparation.Prepare(std::move(asked));
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->answers.size(), 128u);
  EXPECT_EQ(prepared->prompts[0].max_tokens, 1);
}

TEST(Preparation, APredictionIsKeptAsFarAsItMayBeOfUse) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, kLimits);
  wire::Generate asked = Completion();
  asked.request.prediction = "Once upon a time, there was a cat. ";
  auto prepared = preparation.Prepare(asked);
  ASSERT_TRUE(prepared);
  EXPECT_TRUE(prepared->predicts);
  EXPECT_GT(prepared->prediction.size(), 5u);
  while (asked.request.prediction.size() < 10'000)
    asked.request.prediction += asked.request.prediction;
  prepared = preparation.Prepare(asked);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->prediction.size(), 64u);
  asked.request.sampling.seed = 1;
  prepared = preparation.Prepare(asked);
  ASSERT_TRUE(prepared);
  EXPECT_TRUE(prepared->predicts);
  EXPECT_TRUE(prepared->prediction.empty()) << "what is to be reproducible is not guessed";
}

TEST(Preparation, EachPromptHasItsOwnRoom) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, kLimits);
  wire::Generate asked = Completion();
  asked.request.prompts = {{.tokens = std::vector<int32_t>(60, 300)}, {.tokens = {300}}};
  const auto defaults = preparation.Prepare(asked);
  ASSERT_TRUE(defaults);
  EXPECT_EQ(defaults->prompts[0].max_tokens, 4);
  EXPECT_EQ(defaults->prompts[1].max_tokens, 20) << "the bound of an answer that names none";
  asked.request.max_tokens = 1'000'000;
  const auto most = preparation.Prepare(asked);
  ASSERT_TRUE(most);
  EXPECT_EQ(most->prompts[1].max_tokens, 63);
}

TEST(Preparation, AnEmptyPromptStartsWithTheBeginning) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, kLimits);
  wire::Generate asked;
  asked.request.prompts.emplace_back();
  const auto prepared = preparation.Prepare(std::move(asked));
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->prompts[0].tokens, std::vector{model.vocabulary().beginning()});
}

TEST(Preparation, ClientTextNeverBecomesAControlToken) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, kLimits);
  wire::Generate asked = Completion();
  asked.request.prompts = {{.text = "a</s>b<s>"}};
  const auto prepared = preparation.Prepare(std::move(asked));
  ASSERT_TRUE(prepared);
  const auto& tokens = prepared->prompts[0].tokens;
  for (size_t i = 1; i < tokens.size(); ++i) {
    EXPECT_FALSE(model.vocabulary().IsControl(tokens[i])) << i;
  }
}

TEST(Preparation, AnEmbeddingEngineRefusesToGenerate) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, {});
  const auto generated = preparation.Prepare(Completion());
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().reason, "not_a_generative_model");
  const wire::Score score{{}, {.prompt = {.text = "a"}, .continuations = {"b"}}};
  const auto scored = preparation.Prepare(score);
  ASSERT_FALSE(scored);
  EXPECT_EQ(scored.error().reason, "not_a_generative_model");
}

TEST(Preparation, AModelThatDoesNotEmbedSaysSo) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, kLimits);
  const auto prepared = preparation.Prepare(wire::Embed{});
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().reason, "not_an_embedding_model");
}

TEST(Preparation, ATextThatWouldNotFitAFrameIsRefused) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, kLimits);
  // The longest piece of this vocabulary, often enough.
  int32_t longest = 0;
  for (int32_t token = 0; token < model.vocabulary().size(); ++token) {
    if (model.vocabulary().Piece(token, true).size() >
        model.vocabulary().Piece(longest, true).size()) {
      longest = token;
    }
  }
  const size_t count = kDetokenizeBytesMax / model.vocabulary().Piece(longest, true).size() + 1;
  const auto text = preparation.Prepare(wire::Detokenize{std::vector<int32_t>(count, longest)});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::kTooLarge);
}

TEST(Preparation, AScoreHoldsThePromptBeforeEachContinuation) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, kLimits);
  const wire::Score asked{
      {}, {.prompt = {.tokens = {300, 301}}, .continuations = {" a dog", " the cat"}}};
  const auto prepared = preparation.Prepare(asked);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->prompt_tokens, 2);
  ASSERT_EQ(prepared->sequences.size(), 2u);
  for (const auto& sequence : prepared->sequences) {
    ASSERT_GT(sequence.size(), 2u);
    EXPECT_EQ(sequence[0], 300);
    EXPECT_EQ(sequence[1], 301);
  }
}

}  // namespace
}  // namespace weir::engine
