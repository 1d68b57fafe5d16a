#include "routing/refit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "routing/draft_check.h"

namespace weir::routing {
namespace {

using testing::HasSubstr;

// Answers that are right as often as `chance` says of their prediction.
std::vector<LearnFrom> Outcomes(uint32_t seed, size_t count, int32_t (*chance)(int32_t)) {
  std::mt19937 random(seed);
  std::vector<LearnFrom> outcomes;
  for (size_t i = 0; i < count; ++i) {
    const auto predicted = static_cast<int32_t>(random() % 10'001);
    const bool right = static_cast<int32_t>(random() % 10'000) < chance(predicted);
    outcomes.push_back(
        {.id = "dec_" + std::to_string(random()), .predicted = predicted, .right = right});
  }
  return outcomes;
}

int32_t Half(int32_t predicted) { return predicted / 2; }
int32_t Same(int32_t predicted) { return predicted; }

TEST(Refit, WhatIsOverratedIsCorrected) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const Learned learned = Learn(Outcomes(seed, 600, Half));
    ASSERT_TRUE(learned.adopted) << learned.why;
    EXPECT_LT(learned.refit_loss, learned.shipped_loss);
    EXPECT_NEAR(learned.refit.Apply({.small_right = 8'000}).small_right, 4'000, 1'500);
    EXPECT_THAT(learned.why, HasSubstr(": adopted"));
  }
}

TEST(Refit, ItIsNeverWorseThanWhatIsShippedOnItsOwnHeldOutFolds) {
  size_t adopted = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const Learned learned = Learn(Outcomes(seed, 50 + seed, Same));
    ASSERT_EQ(learned.adopted, !learned.refit.steps().empty());
    if (learned.adopted) {
      ++adopted;
      ASSERT_LE(learned.refit_loss, learned.shipped_loss);
    } else {
      EXPECT_THAT(learned.why, HasSubstr("what is shipped stays"));
    }
  }
  EXPECT_LT(adopted, 30u) << "where the prediction is right, a refit is rarely better";
}

TEST(Refit, TheMapRisesAndStaysInRange) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const Learned learned = Learn(Outcomes(seed, 300, Half));
    int32_t before = 0;
    for (int32_t predicted = 0; predicted <= kCertain; predicted += 50) {
      const Prediction now = learned.refit.Apply({.small_right = predicted, .gain = 3'000});
      ASSERT_GE(now.small_right, before) << "seed " << seed << " at " << predicted;
      ASSERT_LE(now.small_right, kCertain);
      ASSERT_GE(now.gain, 0);
      ASSERT_LE(now.gain, kCertain);
      before = now.small_right;
    }
  }
}

TEST(Refit, TheSameOutcomesGiveTheSameMapInWhateverOrder) {
  auto outcomes = Outcomes(7, 400, Half);
  const Learned first = Learn(outcomes);
  std::ranges::reverse(outcomes);
  const Learned second = Learn(outcomes);
  EXPECT_EQ(first.refit, second.refit);
  EXPECT_EQ(first.refit_loss, second.refit_loss);
}

TEST(Refit, TooFewOutcomesTeachNothing) {
  const Learned learned = Learn(Outcomes(1, Learned::kOutcomesMin - 1, Half));
  EXPECT_FALSE(learned.adopted);
  EXPECT_THAT(learned.why, HasSubstr("49 outcomes are known, 50 are needed"));
}

TEST(Refit, OneIdForAllOutcomesIsNoReasonToBreak) {
  auto outcomes = Outcomes(1, 100, Half);
  for (LearnFrom& one : outcomes) one.id = "dec_same";
  EXPECT_FALSE(Learn(outcomes).adopted) << "nothing is left to fit on";
}

TEST(Refit, WhatIsPrintedReadsBack) {
  const Refit map = Learn(Outcomes(3, 500, Half)).refit;
  ASSERT_FALSE(map.steps().empty());
  EXPECT_EQ(Refit::Parse(map.Print()).value(), map);
  EXPECT_EQ(Refit::Parse(Refit().Print()).value(), Refit());
}

TEST(Refit, AFileThatIsWrongIsRefusedByItsField) {
  const auto error = [](std::string_view text) { return Refit::Parse(text).error(); };
  EXPECT_EQ(error(R"({"version":2,"steps":[]})").param, "version");
  EXPECT_EQ(error(R"({"version":1})").param, "steps");
  EXPECT_EQ(error(R"({"version":1,"steps":[{"predicted":1}]})").param, "steps[0].right");
  EXPECT_EQ(error(R"({"version":1,"steps":[{"predicted":1,"right":10001}]})").param,
            "steps[0].right");
  EXPECT_EQ(error(R"({"version":1,"steps":[],"more":1})").param, "more");
  EXPECT_THAT(
      error(R"({"version":1,"steps":[{"predicted":5,"right":5},{"predicted":6,"right":4}]})")
          .message,
      HasSubstr("does not rise"));
}

TEST(Refit, NothingLearntChangesNothing) {
  const Prediction shipped{.small_right = 1'234, .gain = 567};
  EXPECT_EQ(Refit().Apply(shipped), shipped);
}

}  // namespace
}  // namespace weir::routing
