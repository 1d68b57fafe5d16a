#include "routing/seconds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "routing/arrange.h"
#include "routing/router.h"

namespace weir::routing {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// Loaded, idle, 100 tokens/s of a prompt and 10 of an answer of 50 tokens.
constexpr Speed kSlow = {.load_ms = 0,
                         .queue_ms = 0,
                         .prefill_rate = 100'000,
                         .decode_rate = 10'000,
                         .answer_tokens = 50};

TEST(Seconds, AreTheLoadTheQueueThePromptAndTheAnswer) {
  Speed speed = kSlow;
  EXPECT_EQ(ExpectedMs(speed, {.prompt_bytes = 3'000}), 10'000 + 5'000);
  speed.load_ms = 700;
  speed.queue_ms = 80;
  EXPECT_EQ(ExpectedMs(speed, {.prompt_bytes = 3'000}), 780 + 15'000);
  EXPECT_EQ(ExpectedMs(speed, {.prompt_bytes = 3'000, .answer_tokens = 20}), 780 + 12'000)
      << "no more than was asked for";
  EXPECT_EQ(ExpectedMs(speed, {.prompt_bytes = 3'000, .answer_tokens = 4'000}), 780 + 15'000)
      << "nor than answers usually have";
  speed.answer_tokens.reset();
  EXPECT_EQ(ExpectedMs(speed, {.answer_tokens = 0}), 780 + kAnswerTokensGuess * 100);
}

TEST(Seconds, AProvidersFirstTokenHasItsPromptInIt) {
  const Speed speed{.load_ms = 0, .queue_ms = 0, .first_ms = 300, .decode_rate = 100'000};
  EXPECT_EQ(ExpectedMs(speed, {.prompt_bytes = 90'000, .answer_tokens = 10}), 300 + 100);
}

TEST(Seconds, WhatIsNotKnownIsNotZero) {
  for (const auto forget :
       {&Speed::load_ms, &Speed::queue_ms, &Speed::prefill_rate, &Speed::decode_rate}) {
    Speed speed = kSlow;
    speed.*forget = std::nullopt;
    EXPECT_EQ(ExpectedMs(speed, {.prompt_bytes = 10}), std::nullopt);
  }
  EXPECT_EQ(ExpectedMs(kSlow, {.task = Task::kEmbed, .prompt_bytes = 10}), std::nullopt);
}

TEST(Seconds, DeclarationsStandForWhatWasNotMeasured) {
  const Target target{.prefill_tokens_per_s = 4'000, .decode_tokens_per_s = 60, .beyond = true};
  const Speed declared = WithDeclared({}, target);
  EXPECT_EQ(declared,
            (Speed{.load_ms = 0, .queue_ms = 0, .prefill_rate = 4'000'000, .decode_rate = 60'000}));
  EXPECT_EQ(WithDeclared(kSlow, target), kSlow) << "measured figures outrank declared ones";
  EXPECT_EQ(WithDeclared({}, Target()), Speed()) << "an engine may have to load its model";
}

TEST(Seconds, NoFiguresOverflow) {
  std::mt19937_64 random(7);
  const auto any = [&] { return static_cast<int64_t>(random() >> (1 + random() % 63)); };
  for (int i = 0; i < 100'000; ++i) {
    const Speed speed{.load_ms = any(),
                      .queue_ms = any(),
                      .prefill_rate = any(),
                      .decode_rate = any(),
                      .answer_tokens = any()};
    const auto ms = ExpectedMs(speed, {.prompt_bytes = any(), .answer_tokens = any()});
    ASSERT_TRUE(ms);
    ASSERT_GE(*ms, 0);
  }
}

// A policy of two models here and one in the cloud, and what is known of each.
class SecondsOfTargets : public testing::Test {
 protected:
  Result<Decision> Ask(Features features, const std::string& model = "auto") {
    features.label = chat::Label::kPublic;
    return Decide(policy_, model, features, [this](const Target& target) {
      return TargetNow{.speed = speeds_[target.name]};
    });
  }
  std::string Order(const Features& features) {
    auto decision = Ask(features);
    if (!decision) return decision.error().reason;
    std::string names;
    for (const Target& target : decision->eligible) names += target.name + " ";
    explanation_ = decision->explanation;
    return names;
  }

  Policy policy_ = {.targets = {{.name = "fast"},
                                {.name = "capable"},
                                {.name = "big", .tier = Tier::kCloud, .beyond = true}},
                    .virtuals = {{.name = "auto", .targets = {"fast", "capable", "big"}}}};
  std::map<std::string, Speed> speeds_ = {};
  std::vector<std::string> explanation_ = {};
};

TEST_F(SecondsOfTargets, ADeadlinePassesOverWhoIsExpectedTooLateWhereSomebodyIsInTime) {
  speeds_["fast"] = kSlow;
  speeds_["big"] = {.first_ms = 200, .decode_rate = 500'000};
  EXPECT_EQ(Order({.prompt_bytes = 300, .deadline_ms = 1'000}), "capable big ")
      << "of capable nothing is known: it stays";
  EXPECT_THAT(explanation_, Contains("fast: passed over (too_slow, 6.0 s expected)"));
  EXPECT_EQ(Order({.prompt_bytes = 300, .deadline_ms = 6'000}), "fast capable big ");
  EXPECT_EQ(Order({.prompt_bytes = 300}), "fast capable big ");
  EXPECT_THAT(explanation_, Contains("fast: eligible (device, 6.0 s expected)"));
}

// A guess refuses nobody: a model that had to be loaded once would never be loaded again.
TEST_F(SecondsOfTargets, WhereNobodyIsInTimeTheSoonestIsAsked) {
  policy_.virtuals[0].targets = {"fast", "capable"};
  speeds_["fast"] = speeds_["capable"] = kSlow;
  speeds_["fast"].load_ms = 9'000;
  EXPECT_EQ(Order({.prompt_bytes = 300, .deadline_ms = 1'000}), "capable fast ");
  EXPECT_THAT(explanation_, Contains("nobody is expected to answer within 1000 ms: the soonest "
                                     "first"));
  EXPECT_TRUE(Ask({.prompt_bytes = 300, .deadline_ms = 1}, "fast")) << "asked for by name";
}

TEST_F(SecondsOfTargets, WhoHasToLoadComesAfterWhoIsThereAndSooner) {
  speeds_["fast"] = speeds_["capable"] = kSlow;
  const auto chosen = [&](const PromptFacts& facts) {
    auto decision = Ask({.prompt_bytes = 300});
    AvoidWaiting(facts, *decision);
    explanation_ = decision->explanation;
    return decision->chosen().name;
  };
  EXPECT_EQ(chosen({}), "fast");
  speeds_["fast"].load_ms = 1'000;
  EXPECT_EQ(chosen({}), "fast") << "one second of seven is not worth another answer";
  speeds_["fast"].load_ms = 4'000;
  EXPECT_EQ(chosen({}), "capable");
  EXPECT_THAT(explanation_.back(), HasSubstr("chosen: capable, in 6.0 s; fast would take 10.0 s"));
  EXPECT_EQ(chosen({.tool_loop = true}), "fast");
  speeds_["fast"].load_ms = 0;
  speeds_["fast"].queue_ms = 4'000;
  EXPECT_EQ(chosen({}), "capable");
  speeds_["capable"].load_ms.reset();
  EXPECT_EQ(chosen({}), "fast") << "how long the other one takes is not known";
  policy_.targets[1].tier = Tier::kCloud;
  speeds_["capable"].load_ms = 0;
  EXPECT_EQ(chosen({}), "fast") << "seconds move nothing to another tier";
}

TEST_F(SecondsOfTargets, AGainNearTheThresholdGoesWhereTheAnswerIsSooner) {
  const Refit refit;
  const Experience experience{Predictor::BuiltIn(), DraftCheck::BuiltIn(), refit};
  policy_.virtuals[0].goal = {.cloud_share_max = 5'000};
  const int32_t threshold = ShareKeeper(5'000).Threshold(Predictor::BuiltIn());
  const auto chosen = [&](int32_t gain) {
    Goals goals;
    auto decision = Ask({.prompt_bytes = 300});
    // One that stays below leaves room for the next.
    FollowGoal(experience, {.predicted = {.gain = -1}}, {}, goals, *decision);
    decision = Ask({.prompt_bytes = 300});
    FollowGoal(experience, {.predicted = {.gain = gain}}, {}, goals, *decision);
    explanation_ = decision->explanation;
    return decision->chosen().name;
  };
  EXPECT_EQ(chosen(threshold + 50), "big");
  EXPECT_EQ(chosen(threshold - 50), "fast");
  speeds_["fast"] = kSlow;
  speeds_["big"] = {.first_ms = 200, .decode_rate = 500'000};
  EXPECT_EQ(chosen(threshold + 50), "big");
  EXPECT_EQ(chosen(threshold - 50), "big");
  EXPECT_THAT(explanation_, Contains(HasSubstr("that is near, and big answers 5.3 s sooner")));
  EXPECT_EQ(chosen(threshold - 500), "fast") << "a gain that is less is less";
  std::swap(speeds_["fast"], speeds_["big"]);
  speeds_["fast"].load_ms = speeds_["fast"].queue_ms = 0;
  EXPECT_EQ(chosen(threshold + 50), "fast");
  EXPECT_EQ(chosen(threshold + 500), "big");
  EXPECT_THAT(explanation_, Not(Contains(HasSubstr("that is near"))));
}

// Seconds never take more of the cloud than the share allows.
TEST_F(SecondsOfTargets, HasteKeepsTheShare) {
  const Refit refit;
  const Experience experience{Predictor::BuiltIn(), DraftCheck::BuiltIn(), refit};
  policy_.virtuals[0].goal = {.cloud_share_max = 2'000};
  speeds_["fast"] = kSlow;
  speeds_["big"] = {.first_ms = 1, .decode_rate = 500'000};
  std::mt19937 random(3);
  Goals goals;
  int up = 0;
  for (int asked = 1; asked <= 2'000; ++asked) {
    auto decision = Ask({.prompt_bytes = 300});
    const auto gain = static_cast<int32_t>(random() % 3'000);
    FollowGoal(experience, {.predicted = {.gain = gain}}, {}, goals, *decision);
    up += decision->chosen().name == "big" ? 1 : 0;
    ASSERT_LE(up * 5, asked);
  }
  EXPECT_GT(up, 200);
}

}  // namespace
}  // namespace weir::routing
