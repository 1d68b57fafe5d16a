#include "keys/meter.h"

#include <gtest/gtest.h>

namespace weir::keys {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class MeterTest : public testing::Test {
 protected:
  // Admits and ends at once; true when it was admitted.
  bool Ask(const Limits& limits, int64_t tokens = 0) {
    if (!meter_.Admit("key_a", limits, clock_.Now())) return false;
    meter_.Done("key_a", limits, tokens, clock_.Now());
    return true;
  }
  Meter meter_;
  FakeClock clock_;
};

TEST_F(MeterTest, AMinutesWorthPassesAtOnceAndThenTheRateRules) {
  const Limits limits{.requests_per_minute = 6};
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(Ask(limits)) << i;
  const auto refused = meter_.Admit("key_a", limits, clock_.Now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kRateLimited);
  EXPECT_EQ(refused.error().retry_after_s, 10);
  clock_.Advance(seconds(9));
  EXPECT_FALSE(Ask(limits));
  clock_.Advance(seconds(1));
  EXPECT_TRUE(Ask(limits));
  EXPECT_FALSE(Ask(limits));
}

TEST_F(MeterTest, InTenMinutesNoMoreThanElevenMinutesWorthPasses) {
  const Limits limits{.requests_per_minute = 60};
  int passed = 0;
  for (int i = 0; i < 600'000; ++i) {
    passed += Ask(limits);
    clock_.Advance(std::chrono::milliseconds(1));
  }
  EXPECT_GE(passed, 659);
  EXPECT_LE(passed, 660);
}

TEST_F(MeterTest, WaitingAsLongAsToldIsEnough) {
  const Limits limits{.tokens_per_minute = 600};
  EXPECT_TRUE(Ask(limits, 1500));
  const auto refused = meter_.Admit("key_a", limits, clock_.Now());
  ASSERT_FALSE(refused);
  clock_.Advance(seconds(refused.error().retry_after_s));
  EXPECT_TRUE(Ask(limits));
}

TEST_F(MeterTest, AnAbsurdCountOfTokensNeitherOverflowsNorLocksForEver) {
  const Limits limits{.tokens_per_minute = 1};
  for (int i = 0; i < 100; ++i) {
    meter_.Admit("key_a", {.concurrent = 1000}, clock_.Now());
    meter_.Done("key_a", limits, INT64_MAX, clock_.Now());
  }
  clock_.Advance(hours(1));
  EXPECT_TRUE(Ask(limits, INT64_MIN));
}

TEST_F(MeterTest, RequestsAtTheSameTimeAreCounted) {
  const Limits limits{.concurrent = 2};
  EXPECT_TRUE(meter_.Admit("key_a", limits, clock_.Now()));
  EXPECT_TRUE(meter_.Admit("key_a", limits, clock_.Now()));
  EXPECT_FALSE(meter_.Admit("key_a", limits, clock_.Now()));
  EXPECT_TRUE(meter_.Admit("key_b", limits, clock_.Now())) << "another key has its own count";
  meter_.Done("key_a", limits, 0, clock_.Now());
  EXPECT_TRUE(meter_.Admit("key_a", limits, clock_.Now()));
}

TEST_F(MeterTest, IdleKeysAreForgottenBeforeTheBoundIsHit) {
  const Limits limits{.requests_per_minute = 60};
  for (size_t i = 0; i < Meter::kKeysMax + 10; ++i) {
    const std::string key = std::to_string(i);
    ASSERT_TRUE(meter_.Admit(key, limits, clock_.Now()));
    meter_.Done(key, limits, 0, clock_.Now());
    if (i == Meter::kKeysMax - 1) clock_.Advance(seconds(60));
  }
  EXPECT_LE(meter_.watched(), Meter::kKeysMax);
}

TEST_F(MeterTest, WithoutLimitsNothingIsWatched) {
  EXPECT_TRUE(Ask({}));
  EXPECT_EQ(meter_.watched(), 0u);
}

}  // namespace
}  // namespace weir::keys
