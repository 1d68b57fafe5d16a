#include "routing/prefix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "routing/arrange.h"
#include "routing/router.h"

namespace weir::routing {
namespace {

using testing::Contains;
using testing::HasSubstr;

// 100 tokens/s of a prompt, 10 of an answer of 50 tokens.
constexpr Speed kMeasured = {.load_ms = 0,
                             .queue_ms = 0,
                             .prefill_rate = 100'000,
                             .decode_rate = 10'000,
                             .answer_tokens = 50};
const TokenPrices kPrices = {.input = 5'000'000, .cached_input = 500'000, .output = 30'000'000};

class PrefixTest : public testing::Test {
 protected:
  // A request of 2,000 tokens.
  Decision Asked(int64_t prompt_bytes = 6'000) {
    const Features features{.label = chat::Label::kPublic, .prompt_bytes = prompt_bytes};
    return Decide(policy_, "auto", features,
                  [this](const Target& target) {
                    return TargetNow{.speed = speeds_[target.name], .prices = prices_[target.name]};
                  })
        .value();
  }
  std::string Chosen(const PromptFacts& facts, Goals& goals) {
    Decision decision = Asked();
    Arrange(experience_, facts, {}, goals, decision);
    explanation_ = decision.explanation;
    return decision.chosen().name;
  }
  std::string Chosen(const PromptFacts& facts) {
    Goals goals;
    return Chosen(facts, goals);
  }

  Policy policy_ = {.targets = {{.name = "fast"},
                                {.name = "capable"},
                                {.name = "big", .tier = Tier::kCloud, .beyond = true}},
                    .virtuals = {{.name = "auto", .targets = {"fast", "capable", "big"}}}};
  std::map<std::string, Speed> speeds_ = {};
  std::map<std::string, TokenPrices> prices_ = {};
  std::vector<std::string> explanation_ = {};
  const Refit refit_ = {};
  const Experience experience_{
      .predictor = Predictor::BuiltIn(), .draft_check = DraftCheck::BuiltIn(), .refit = refit_};
};

TEST_F(PrefixTest, WhatIsLostIsMeasuredInSecondsOfTheUncachedPrompt) {
  speeds_["fast"] = kMeasured;
  const Decision decision = Asked();
  // 20 s of prompt and 5 of answer, against 5 s of prompt and 5 of answer.
  EXPECT_EQ(LostPart(decision, policy_.targets[0], 1'500), 15'000);
  EXPECT_EQ(LostPart(decision, policy_.targets[0], 0), 0);
  EXPECT_EQ(LostPart(decision, policy_.targets[0], 9'000), 40'000) << "no more than the prompt";
  speeds_["fast"].cached_tokens = 1'500;
  EXPECT_EQ(LostPart(Asked(), policy_.targets[0], 1'500), 0) << "it has read it, too";
}

TEST_F(PrefixTest, AndInMoneyByThePriceOfUncachedTokens) {
  prices_["big"] = kPrices;
  speeds_["big"] = {.first_ms = 300, .decode_rate = 100'000, .answer_tokens = 100};
  // 2,000 at 5 and 100 at 30 a million, against 500 at 5, 1,500 at 0.5 and 100 at 30.
  EXPECT_EQ(LostPart(Asked(), policy_.targets[2], 1'500), 10'800);
  prices_["big"].cached_input.reset();
  EXPECT_EQ(LostPart(Asked(), policy_.targets[2], 1'500), 0) << "what is cached is not cheaper";
}

TEST_F(PrefixTest, WhereNothingIsKnownTokensCount) {
  EXPECT_EQ(LostPart(Asked(), policy_.targets[1], 1'500),
            1'500 * 10'000 / (500 + 5 * kAnswerTokensGuess));
}

TEST_F(PrefixTest, NoFiguresOverflow) {
  std::mt19937_64 random(11);
  const auto any = [&] { return static_cast<int64_t>(random() >> (1 + random() % 63)); };
  for (int i = 0; i < 50'000; ++i) {
    prices_["big"] = {any(), any(), any()};
    speeds_["big"] = {.load_ms = 0,
                      .queue_ms = 0,
                      .prefill_rate = any(),
                      .decode_rate = any(),
                      .answer_tokens = any(),
                      .cached_tokens = any()};
    const int32_t part = LostPart(Asked(any()), policy_.targets[2], any());
    ASSERT_GE(part, 0);
    ASSERT_LE(part, kLostMax);
    const auto gain = static_cast<int32_t>(random() % 20'001) - 10'000;
    ASSERT_GE(GainToMove(gain, part), std::max(gain, 0));
    ASSERT_LE(GainToStay(gain, part), gain);
  }
}

TEST_F(PrefixTest, AConversationGoesUpOnlyForAGainThatPaysForItsPrefix) {
  policy_.virtuals[0].goal = {.cloud_share_max = 10'000};
  prices_["big"] = kPrices;
  speeds_["fast"] = kMeasured;
  const int32_t threshold = ShareKeeper(10'000).Threshold(Predictor::BuiltIn());
  const PromptFacts fresh{.predicted = {.small_right = 5'000, .gain = threshold + 50}};
  PromptFacts later = fresh;
  later.last_target = "fast";
  EXPECT_EQ(Chosen(fresh), "big");
  EXPECT_EQ(Chosen(later), "big") << "of which fast has nothing in its cache";
  speeds_["fast"].cached_tokens = 1'900;
  EXPECT_EQ(Chosen(later), "fast");
  EXPECT_THAT(explanation_, Contains(HasSubstr("fast has the conversation in its cache")));
  later.predicted.gain = 9'000;
  EXPECT_EQ(Chosen(later), "big");
}

TEST_F(PrefixTest, AndComesBackOnlyWhenTheGainIsSmallEnough) {
  policy_.virtuals[0].goal = {.cloud_share_max = 5'000};
  speeds_["fast"] = kMeasured;
  speeds_["big"].cached_tokens = 1'900;
  const int32_t threshold = ShareKeeper(5'000).Threshold(Predictor::BuiltIn());
  const auto chosen = [&](int32_t gain, const std::string& last) {
    Goals goals;
    Chosen({.predicted = {.gain = -1}}, goals);  // leaves room
    return Chosen({.predicted = {.small_right = 5'000, .gain = gain}, .last_target = last}, goals);
  };
  EXPECT_EQ(chosen(threshold * 2 / 3, ""), "fast");
  EXPECT_EQ(chosen(threshold * 2 / 3, "big"), "big");
  EXPECT_EQ(chosen(threshold / 100, "big"), "fast");
  EXPECT_EQ(chosen(-1, "big"), "fast");
}

// Whoever holds what, the share is a bound.
TEST_F(PrefixTest, WhatStaysInTheCloudCountsAsUp) {
  policy_.virtuals[0].goal = {.cloud_share_max = 2'000};
  std::mt19937 random(5);
  Goals goals;
  int up = 0;
  for (int asked = 1; asked <= 2'000; ++asked) {
    speeds_["big"].cached_tokens = static_cast<int64_t>(random() % 2'000);
    speeds_["fast"].cached_tokens = static_cast<int64_t>(random() % 2'000);
    const char* last[] = {"", "fast", "big", "gone"};
    const PromptFacts facts{.predicted = {.gain = static_cast<int32_t>(random() % 3'000)},
                            .last_target = last[random() % 4]};
    up += Chosen(facts, goals) == "big" ? 1 : 0;
    ASSERT_LE(up * 5, asked);
  }
  EXPECT_GT(up, 100);
}

TEST_F(PrefixTest, AnOpenLoopOfToolsStaysWithWhoBeganIt) {
  for (const Goal& goal : {Goal{}, Goal{.cloud_share_max = 0}, Goal{.quality_min = 10'000}}) {
    policy_.virtuals[0].goal = goal;
    for (const char* name : {"fast", "capable", "big"}) {
      EXPECT_EQ(Chosen({.predicted = {.gain = 5'000}, .tool_loop = true, .last_target = name}),
                name);
      EXPECT_THAT(explanation_, Contains(HasSubstr("an open loop of tools stays there")));
    }
  }
  EXPECT_EQ(Chosen({.tool_loop = true, .last_target = "gone"}), "fast");
  EXPECT_THAT(explanation_, Contains(HasSubstr("began at gone, which may not go on with it")));
}

// Its turns count, so that what is free to choose goes up less often.
TEST_F(PrefixTest, ALoopInTheCloudTakesFromItsShare) {
  policy_.virtuals[0].goal = {.cloud_share_max = 5'000};
  Goals goals;
  for (int i = 0; i < 10; ++i) Chosen({.predicted = {.gain = -1}}, goals);
  for (int i = 0; i < 10; ++i) Chosen({.tool_loop = true, .last_target = "big"}, goals);
  EXPECT_EQ(Chosen({.predicted = {.gain = 9'000}}, goals), "fast") << "half of them went up";
}

TEST_F(PrefixTest, WithoutAGoalAConversationStaysWithinItsTierUnlessTheFirstIsAsSoon) {
  const PromptFacts later{.last_target = "capable"};
  EXPECT_EQ(Chosen(later), "fast") << "nothing is left of it";
  speeds_["capable"].cached_tokens = 1'900;
  EXPECT_EQ(Chosen(later), "capable");
  EXPECT_THAT(explanation_,
              Contains("chosen: capable, which has 1900 tokens of the conversation in its cache"));
  speeds_["fast"] = kMeasured;
  speeds_["capable"] = kMeasured;
  speeds_["capable"].cached_tokens = 1'900;
  EXPECT_EQ(Chosen(later), "capable");
  speeds_["fast"].prefill_rate = 10'000'000;
  speeds_["fast"].decode_rate = 1'000'000;
  EXPECT_EQ(Chosen(later), "fast") << "it reads the whole prompt before the other has answered";
  speeds_["fast"] = {.cached_tokens = 1'500};
  EXPECT_EQ(Chosen(later), "fast") << "it has read the conversation, too";
  speeds_ = {{"big", {.cached_tokens = 1'900}}};
  EXPECT_EQ(Chosen({.last_target = "big"}), "fast") << "the order of the route decides over tiers";
}

}  // namespace
}  // namespace weir::routing
