#include "engine/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "llama/test_models.h"

namespace weir::engine {
namespace {

using llama::Token;
using llama::testing::StoriesPath;
using ::testing::ElementsAre;

// An answer whose next token the test chooses: greedy, over logits with one high place.
class Dictation {
 public:
  explicit Dictation(const llama::Model& model, AnswerOptions options = {.max_tokens = 100})
      : model_(model) {
    auto sampler = llama::Sampler::Create(model, {.temperature = 0.0f}, nullptr, 1);
    EXPECT_TRUE(sampler);
    answer_ = std::make_unique<Answer>(model.vocabulary(), std::move(*sampler), options);
  }
  AnswerStep Say(Token token) {
    std::vector<float> logits(static_cast<size_t>(model_.vocabulary().size()), 0.0f);
    logits[static_cast<size_t>(token)] = 20.0f;
    auto step = answer_->Draw(logits);
    EXPECT_TRUE(step);
    if (!step) return {};
    text_ += step->delta.text;
    return std::move(*step);
  }
  AnswerStep Say(std::string_view text) {
    AnswerStep last;
    for (const Token token : *model_.vocabulary().TokenizeMiddle(text, false)) last = Say(token);
    return last;
  }
  Answer& answer() { return *answer_; }
  const std::string& text() const { return text_; }

 private:
  const llama::Model& model_;
  std::unique_ptr<Answer> answer_;
  std::string text_;
};

TEST(Answer, IsTheTextOfItsTokens) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Dictation dictation(model);
  EXPECT_FALSE(dictation.Say("Lily was happy").done);
  EXPECT_EQ(dictation.text(), "Lily was happy");
  EXPECT_GT(dictation.answer().tokens(), 3);
  EXPECT_EQ(dictation.answer().reasoning_tokens(), 0);
}

TEST(Answer, AnEndTokenEndsItAndIsCounted) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Dictation dictation(model);
  dictation.Say("Hi");
  const int64_t before = dictation.answer().tokens();
  const AnswerStep end = dictation.Say(model.vocabulary().end());
  ASSERT_TRUE(end.done);
  EXPECT_EQ(end.done->reason, chat::FinishReason::kStop);
  EXPECT_EQ(end.done->stop_sequence, "");
  EXPECT_EQ(end.delta.text, "");
  EXPECT_EQ(dictation.answer().tokens(), before + 1);
}

TEST(Answer, EndsAtItsBoundOfTokens) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Dictation dictation(model, {.choice = 3, .max_tokens = 2});
  EXPECT_FALSE(dictation.Say(300).done);
  const AnswerStep last = dictation.Say(301);
  ASSERT_TRUE(last.done);
  EXPECT_EQ(last.done->reason, chat::FinishReason::kLength);
  EXPECT_EQ(last.done->choice, 3);
  EXPECT_EQ(last.delta.choice, 3);
  EXPECT_EQ(last.done->stats.tokens, 2);
}

TEST(Answer, HoldsBackWhatMayBecomeAStopString) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Dictation stopped(model, {.max_tokens = 100, .stops = {"and Tom"}});
  stopped.Say("Lily and");
  EXPECT_EQ(stopped.text(), "Lily ");
  const AnswerStep end = stopped.Say(" Tom");
  ASSERT_TRUE(end.done);
  EXPECT_EQ(stopped.text(), "Lily ");
  EXPECT_EQ(end.done->stop_sequence, "and Tom");

  Dictation went_on(model, {.max_tokens = 100, .stops = {"and Tom"}});
  went_on.Say("Lily and her mom");
  EXPECT_EQ(went_on.text(), "Lily and her mom");
}

TEST(Answer, WhatWasHeldBackComesWithTheEnd) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Dictation dictation(model, {.max_tokens = 100, .stops = {"and Tom"}});
  dictation.Say("Lily and");
  const AnswerStep end = dictation.answer().EndForLength();
  ASSERT_TRUE(end.done);
  EXPECT_EQ(end.delta.text, "and");
  EXPECT_EQ(end.done->reason, chat::FinishReason::kLength);
}

TEST(Answer, LogprobsAreNeverLostToWhatIsHeldBack) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Dictation dictation(
      model, {.max_tokens = 100, .stops = {"and Tom"}, .logprobs = true, .top_logprobs = 2});
  size_t told = 0;
  const auto tokens = model.vocabulary().TokenizeMiddle("Lily and her", false);
  ASSERT_TRUE(tokens);
  for (const Token token : *tokens) {
    const AnswerStep step = dictation.Say(token);
    if (step.delta.text.empty()) {
      EXPECT_TRUE(step.delta.logprobs.empty());
    }
    for (const chat::TokenLogprob& entry : step.delta.logprobs) {
      EXPECT_EQ(entry.bytes, model.vocabulary().Piece((*tokens)[told++]));
      EXPECT_EQ(entry.top.size(), 2u);
      EXPECT_GT(*entry.logprob, -0.01f);
    }
  }
  told += dictation.answer().EndForLength().delta.logprobs.size();
  EXPECT_EQ(told, tokens->size());
}

TEST(Answer, LogprobsOfHeldBackTokensComeWithTheEndToken) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Dictation dictation(model, {.max_tokens = 100, .stops = {"and Tom"}, .logprobs = true});
  EXPECT_EQ(dictation.Say("and").delta.text, "");
  const AnswerStep end = dictation.Say(model.vocabulary().end());
  ASSERT_TRUE(end.done);
  EXPECT_EQ(end.delta.text, "and");
  EXPECT_FALSE(end.delta.logprobs.empty());
}

TEST(Answer, EveryTokenIsToldWhereIdsAreAskedFor) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Dictation dictation(model, {.max_tokens = 100, .stops = {"and Tom"}, .return_tokens = true});
  std::vector<Token> said = *model.vocabulary().TokenizeMiddle("Lily and her and", false);
  std::vector<Token> told;
  said.push_back(model.vocabulary().end());
  for (const Token token : said) {
    const AnswerStep step = dictation.Say(token);
    told.insert(told.end(), step.delta.tokens.begin(), step.delta.tokens.end());
  }
  EXPECT_EQ(told, said);
  EXPECT_TRUE(Dictation(model).Say("Lily").delta.tokens.empty());
}

TEST(Answer, ControlTokensHaveNoTextUnlessTheFormatNamesThem) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Token beginning = model.vocabulary().beginning();
  Dictation plain(model);
  EXPECT_EQ(plain.Say(beginning).delta.text, "");
  Dictation visible(model, {.max_tokens = 100, .visible_tokens = {beginning}});
  EXPECT_EQ(visible.Say(beginning).delta.text, model.vocabulary().Piece(beginning, true));
}

TEST(Answer, StatisticsAreOfTheChosenTokens) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Dictation dictation(model);
  dictation.Say(300);
  const chat::AnswerStats stats = dictation.Say(model.vocabulary().end()).done->stats;
  EXPECT_EQ(stats.tokens, 2);
  EXPECT_NEAR(stats.logprob_mean, 0, 1e-4);
  EXPECT_NEAR(stats.margin_min, 1, 1e-4);
}

}  // namespace
}  // namespace weir::engine
