#include "routing/goal.h"

#include <gtest/gtest.h>

#include <random>

#include "routing/prediction.h"

namespace weir::routing {
namespace {

// As the gateway uses it; true when the request went up.
bool Ask(ShareKeeper& keeper, int32_t gain) {
  const bool up = gain > 0 && gain >= keeper.Threshold(Predictor::BuiltIn()) && keeper.HasRoom();
  keeper.Decided(gain, up);
  return up;
}

TEST(ShareKeeper, TheBoundHoldsAfterEveryRequest) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    const auto share = static_cast<int32_t>(random() % 10'001);
    ShareKeeper keeper(share);
    int64_t up = 0;
    for (int64_t asked = 1; asked <= 900; ++asked) {
      up += Ask(keeper, static_cast<int32_t>(random() % 20'001) - 10'000) ? 1 : 0;
      ASSERT_LE(up * 10'000, asked * share) << "seed " << seed << " request " << asked;
    }
  }
}

TEST(ShareKeeper, TheBestGainsGoUp) {
  ShareKeeper keeper(2'000);
  std::mt19937 random(3);
  int64_t up = 0;
  int64_t gain_of_up = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto gain = static_cast<int32_t>(random() % 10'000);
    if (!Ask(keeper, gain) || i < 500) continue;
    ++up;
    gain_of_up += gain;
  }
  EXPECT_GT(up, 350) << "most of the share of 500 is used";
  EXPECT_LE(up, 500);
  EXPECT_GT(gain_of_up / up, 8'500);
}

TEST(ShareKeeper, NothingAndEverything) {
  ShareKeeper none(0);
  ShareKeeper all(10'000);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_FALSE(Ask(none, 9'000));
    EXPECT_TRUE(all.HasRoom());
    all.Decided(5, true);
  }
}

TEST(ShareKeeper, AfterAChangeOfTrafficTheThresholdFollows) {
  ShareKeeper keeper(5'000);
  for (int i = 0; i < 1000; ++i) Ask(keeper, i % 100);
  EXPECT_LT(keeper.Threshold(Predictor::BuiltIn()), 100);
  for (int i = 0; i < 1000; ++i) Ask(keeper, 5'000 + i % 100);
  EXPECT_GE(keeper.Threshold(Predictor::BuiltIn()), 5'000);
}

}  // namespace
}  // namespace weir::routing
