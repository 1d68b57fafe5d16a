#include "routing/energy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>

#include "routing/arrange.h"
#include "routing/prefix.h"
#include "routing/router.h"

namespace weir::routing {
namespace {

using testing::Contains;
using testing::HasSubstr;

const Features kAsked = {.prompt_bytes = 3'000, .answer_tokens = 100};
constexpr Speed kSpeed = {
    .load_ms = 9'000, .queue_ms = 9'000, .prefill_rate = 100'000, .decode_rate = 50'000};
const Energy kEnergy = {.watts = 45, .pico_per_kwh = 300'000'000'000, .currency = "EUR"};

TEST(Energy, AnAnswerTakesWhatComputingItTakes) {
  // 1,000 tokens at 100 a second and 100 at 50: 12 s at 45 W.
  EXPECT_EQ(ExpectedMillijoules(kEnergy, {}, kSpeed, kAsked), 540'000);
  Speed cached = kSpeed;
  cached.cached_tokens = 1'000;
  EXPECT_EQ(ExpectedMillijoules(kEnergy, {}, cached, kAsked), 90'000);
  EXPECT_EQ(ExpectedMillijoules({}, {}, kSpeed, kAsked), std::nullopt) << "nobody said a wattage";
  EXPECT_EQ(ExpectedMillijoules(kEnergy, {}, {.decode_rate = 1}, kAsked), std::nullopt);
  EXPECT_EQ(ExpectedMillijoules(kEnergy, {.beyond = true}, kSpeed, kAsked), std::nullopt)
      << "another machine's";
}

TEST(Energy, AKilowattHourCostsItsPrice) {
  EXPECT_EQ(PicoOf(3'600'000'000, 300'000'000'000), 300'000'000'000);
  EXPECT_EQ(PicoOf(540'000, 300'000'000'000), 45'000'000) << "0.000045";
  EXPECT_EQ(PicoOf(1, 1), 0);
  EXPECT_EQ(PicoOf(INT64_MAX, INT64_MAX), INT64_MAX) << "no overflow";
  EXPECT_EQ(PicoOf(-5, 5), 0);
}

TEST(Energy, PricesOfTokensComeBeforeTheEnergy) {
  Considered considered{.speed = kSpeed, .energy_mj = 540'000};
  EXPECT_EQ(ExpectedCost(kEnergy, considered, kAsked), (Cost{45'000'000, "EUR"}));
  considered.prices = {
      .input = 1'000'000, .cached_input = 100'000, .output = 2'000'000, .currency = "USD"};
  EXPECT_EQ(ExpectedCost(kEnergy, considered, kAsked), (Cost{1'200'000'000, "USD"}));
  considered.speed.cached_tokens = 600;
  EXPECT_EQ(ExpectedCost(kEnergy, considered, kAsked), (Cost{660'000'000, "USD"}));
  EXPECT_EQ(ExpectedCost({.watts = 45}, {.energy_mj = 5}, kAsked), std::nullopt)
      << "nobody said what energy costs";
}

TEST(Energy, AmountsInDifferentMoneyAreNotCompared) {
  EXPECT_TRUE(IsClearlyCheaper({3, "EUR"}, {4, "EUR"}));
  EXPECT_FALSE(IsClearlyCheaper({40, "EUR"}, {50, "EUR"}));
  EXPECT_FALSE(IsClearlyCheaper({0, "EUR"}, {0, "EUR"}));
  EXPECT_FALSE(IsClearlyCheaper({1, "EUR"}, {9, "USD"}));
}

// Two models of this machine and one in the cloud, as fast as each other.
class EnergyChoiceTest : public testing::Test {
 protected:
  Decision Decided() {
    Policy policy;
    policy.targets = {
        {.name = "fast"},
        {.name = "big", .tier = Tier::kCloud, .ceiling = chat::Label::kInternal, .beyond = true}};
    policy.virtuals = {
        {.name = "auto", .targets = {"fast", "big"}, .goal = {.quality_min = 5'000}}};
    policy.energy = energy_;
    return Decide(policy, "auto", kAsked,
                  [this](const Target& target) {
                    Speed speed = kSpeed;
                    speed.load_ms = speed.queue_ms = 0;
                    return TargetNow{.speed = speed, .prices = prices_[target.name]};
                  })
        .value();
  }

  Energy energy_ = kEnergy;
  std::map<std::string, TokenPrices> prices_ = {
      {"big", {.input = 5'000'000, .output = 30'000'000, .currency = "EUR"}}};
};

TEST_F(EnergyChoiceTest, TheExplanationSaysWhatAnAnswerIsExpectedToTake) {
  EXPECT_THAT(Decided().explanation,
              Contains("fast: eligible (device, 12.0 s, 540 J, 0.000045 EUR expected)"));
  EXPECT_THAT(Decided().explanation,
              Contains("big: eligible (cloud, 12.0 s, 0.008000 EUR expected)"));
  energy_ = {};
  EXPECT_THAT(Decided().explanation, Contains("fast: eligible (device, 12.0 s expected)"));
}

TEST_F(EnergyChoiceTest, TheSameFiguresGiveTheSameCost) {
  const Decision once = Decided();
  const Decision again = Decided();
  for (size_t i = 0; i < once.considered.size(); ++i) {
    EXPECT_EQ(once.considered[i].energy_mj, again.considered[i].energy_mj);
    EXPECT_EQ(once.considered[i].cost, again.considered[i].cost);
  }
}

TEST_F(EnergyChoiceTest, AGainNearTheThresholdGoesWhereTheAnswerIsCheaper) {
  const Refit nothing;
  const Experience experience{Predictor::BuiltIn(), DraftCheck::BuiltIn(), nothing};
  // Others went before, none of them up: the share has room.
  const auto begun = [] {
    Goals goals;
    ShareKeeper& keeper = goals.shares.try_emplace("auto", 5'000).first->second;
    for (int i = 0; i < 20; ++i) keeper.Decided(1'000 + i, false);
    return goals;
  };
  const auto chosen = [&](int32_t gain) {
    Decision decision = Decided();
    decision.goal = {.cloud_share_max = 5'000};
    Goals goals = begun();
    FollowGoal(experience, {.predicted = {.small_right = 5'000, .gain = gain}}, {}, goals,
               decision);
    return std::pair(decision.chosen().name, decision.explanation);
  };
  const int32_t threshold = begun().shares.at("auto").Threshold(Predictor::BuiltIn());
  const auto [name, lines] = chosen(threshold + 50);
  EXPECT_EQ(name, "fast");
  EXPECT_THAT(lines, Contains(HasSubstr("that is near, and an answer of fast costs 0.000045 EUR "
                                        "instead of 0.008000 EUR")));
  EXPECT_EQ(chosen(threshold + 500).first, "big") << "a clear gain is worth its price";
  prices_["big"].currency = "USD";
  EXPECT_EQ(chosen(threshold + 50).first, "big") << "amounts that cannot be compared";
}

TEST_F(EnergyChoiceTest, TheEnergyOfALostPrefixIsPartOfTheLoss) {
  Decision decision = Decided();
  // Long queues hide in seconds what computing once more costs.
  decision.considered[0].speed.queue_ms = 1'000'000;
  const int32_t with_energy = LostPart(decision, decision.eligible[0], 900);
  decision.considered[0].energy_mj.reset();
  EXPECT_GT(with_energy, LostPart(decision, decision.eligible[0], 900));
  EXPECT_EQ(with_energy, 10'000 * 9 / 3) << "9 of 12 s are saved";
}

}  // namespace
}  // namespace weir::routing
