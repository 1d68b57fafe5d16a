// Prompts that are repeated in front of their answers, through a whole conversation.
#include "engine/echo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_conversation.h"
#include "llama/context.h"
#include "llama/token_stats.h"

namespace weir::engine {
namespace {

using llama::testing::RandomPath;
using llama::testing::StoriesPath;
using testing::Endless;
using testing::kOnce;
using testing::SmallSettings;
using testing::Story;

chat::GenerateRequest Echoed(std::string prompt, int32_t max_tokens) {
  chat::GenerateRequest request = Endless(std::move(prompt), max_tokens);
  request.echo = true;
  return request;
}

std::string Joined(const std::vector<chat::TokenLogprob>& entries) {
  std::string joined;
  for (const auto& entry : entries) joined += entry.bytes;
  return joined;
}

// Without scheduler, sharing or steps: one sequence, one decode.
std::vector<float> LogprobsAlone(const llama::Model& model,
                                 const std::vector<llama::Token>& tokens) {
  auto context = llama::Context::Create(
      model, {.cells = 512, .batch_rows = 512, .sequences = 1, .threads = 1, .threads_batch = 1});
  EXPECT_TRUE(context);
  std::vector<llama::Row> rows;
  rows.reserve(tokens.size());
  for (const llama::Token token : tokens) {
    rows.push_back({.token = token, .position = static_cast<int32_t>(rows.size()), .output = true});
  }
  EXPECT_EQ((*context)->Decode(rows), llama::DecodeOutcome::kOk);
  std::vector<float> logprobs;
  for (size_t i = 1; i < tokens.size(); ++i) {
    logprobs.push_back(llama::Logprob((*context)->Logits(static_cast<int32_t>(i) - 1), tokens[i]));
  }
  return logprobs;
}

TEST(Echo, ThePromptComesBeforeEachAnswer) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless(kOnce, 12);
  request.n = 2;
  const Story plain = engine.Run(request);
  request.echo = true;
  const Story echoed = engine.Run(request);
  EXPECT_EQ(echoed.text(0), kOnce + plain.text(0));
  EXPECT_EQ(echoed.text(1), kOnce + plain.text(1));
  EXPECT_EQ(echoed.completion_tokens(), 24) << "the prompt is no answer";
  EXPECT_TRUE(echoed.logprobs.empty());
}

TEST(Echo, WithoutAnswerNothingIsComputed) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Echoed(kOnce, 0);
  request.prompts.push_back({.text = "Lily"});
  request.n = 2;
  const Story story = engine.Run(request);
  ASSERT_TRUE(story.done);
  EXPECT_EQ(story.text(0), kOnce);
  EXPECT_EQ(story.text(1), kOnce);
  EXPECT_EQ(story.text(3), "Lily");
  EXPECT_EQ(story.ends.at(3).reason, chat::FinishReason::kLength);
  EXPECT_EQ(story.completion_tokens(), 0);
  EXPECT_GT(story.prompt_tokens(), 4);
  EXPECT_EQ(engine.Stats().cells_used, 0);
}

TEST(Echo, TokensComeBackAsTheirText) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  chat::GenerateRequest request = Echoed("", 4);
  request.prompts = {{.tokens = *model.vocabulary().TokenizeMiddle(" there was\xC3\xA9", false)}};
  const Story story = engine.Run(request);
  EXPECT_THAT(story.text(), ::testing::StartsWith(" there was\xC3\xA9"));
}

TEST(Echo, APromptsLogprobsAreTheModels) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  // Longer than a step, and than the rows that may have logits at once.
  std::string prompt;
  for (int i = 0; i < 12; ++i) prompt += "Lily and Tom went to the park. They saw a big dog. ";
  chat::GenerateRequest request = Echoed(prompt, 3);
  request.logprobs = true;
  request.top_logprobs = 2;
  const auto tokens = *model.vocabulary().Tokenize(prompt, false, true);
  const std::vector<float> alone = LogprobsAlone(model, tokens);
  for (const int32_t max_tokens : {3, 0}) {
    request.max_tokens = max_tokens;
    const Story story = engine.Run(request);
    ASSERT_TRUE(story.done);
    const auto answer_tokens = static_cast<size_t>(max_tokens);
    ASSERT_EQ(story.logprobs.size(), alone.size() + answer_tokens);
    EXPECT_EQ(Joined(story.logprobs), story.text());
    EXPECT_EQ(story.completion_tokens(), max_tokens);
    for (size_t i = 0; i < alone.size(); ++i) {
      ASSERT_TRUE(story.logprobs[i].logprob) << i;
      EXPECT_NEAR(*story.logprobs[i].logprob, alone[i], 2e-2) << i;
      EXPECT_EQ(story.logprobs[i].top.size(), 2u);
    }
  }
}

TEST(Echo, NothingPredictsTheFirstOfTheClientsTokens) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Echoed("", 0);
  request.prompts = {{.tokens = {400, 401, 402}}};
  request.logprobs = true;
  const Story story = engine.Run(request);
  ASSERT_EQ(story.logprobs.size(), 3u);
  EXPECT_FALSE(story.logprobs[0].logprob);
  EXPECT_TRUE(story.logprobs[0].top.empty());
  EXPECT_TRUE(story.logprobs[1].logprob);
  EXPECT_TRUE(story.logprobs[2].logprob);
}

TEST(Echo, EachForkGetsTheListAndACachedPromptIsComputedForIt) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const Story before = engine.Run(Endless(kOnce + ", there was a little girl", 4));
  ASSERT_TRUE(before.done);
  chat::GenerateRequest request = Echoed(kOnce + ", there was a little girl", 4);
  request.n = 3;
  request.logprobs = true;
  const Story story = engine.Run(request);
  std::map<int32_t, std::string> joined;
  for (const chat::Event& event : story.events) {
    const auto* delta = std::get_if<chat::Delta>(&event);
    if (delta == nullptr) continue;
    for (const auto& entry : delta->logprobs) {
      EXPECT_TRUE(entry.logprob) << "every row was computed";
      joined[delta->choice] += entry.bytes;
    }
  }
  EXPECT_EQ(joined, story.texts);
  EXPECT_EQ(joined.size(), 3u);
}

// More than the cells hold at once: branches lose their place and compute their prompts again.
TEST(Echo, ListsAreWholeWhenCellsAreShort) {
  wire::EngineSettings settings = SmallSettings(RandomPath());
  settings.context_tokens = 256;
  WEIR_ENGINE_OR_SKIP(engine, settings);
  std::vector<uint64_t> ids;
  for (int32_t i = 0; i < 12; ++i) {
    chat::GenerateRequest request = Echoed("", 40);
    request.prompts = {{.tokens = std::vector<int32_t>(100, 1000 + i)}};
    request.logprobs = true;
    request.n = i % 3 + 1;
    ids.push_back(engine.Generate(request, {.client = static_cast<uint64_t>(i)}));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    const Story story = engine.Finish(ids[i]);
    ASSERT_TRUE(story.done) << i;
    size_t known = 0;
    for (const auto& entry : story.logprobs) known += entry.logprob ? 1 : 0;
    const size_t choices = i % 3 + 1;
    EXPECT_EQ(story.logprobs.size() - known, choices) << "the first of each list alone";
    EXPECT_GE(known, choices * 99);
  }
}

TEST(Echo, WhatItCannotDoIsRefusedByName) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Echoed(kOnce, 1);
  request.max_tokens = -1;
  EXPECT_EQ(engine.Run(request).failure->param, "max_tokens");
  request.max_tokens = 1;
  request.has_suffix = true;
  request.logprobs = true;
  EXPECT_EQ(engine.Run(request).failure->param, "logprobs");
  request.has_suffix = false;
  request.top_logprobs = 20;
  request.n = 128;
  request.prompts = {{.tokens = std::vector<int32_t>(500, 400)}};
  const Story story = engine.Run(request);
  ASSERT_TRUE(story.failure);
  EXPECT_EQ(story.failure->param, "logprobs");
  EXPECT_THAT(story.failure->message, ::testing::HasSubstr("262144"));
}

}  // namespace
}  // namespace weir::engine
