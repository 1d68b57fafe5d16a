#include "backends/breaker.h"

#include <gtest/gtest.h>

namespace weir::backends {
namespace {

using State = Breaker::State;
constexpr auto kSecond = std::chrono::seconds(1);
const MonotonicTime kStart{std::chrono::hours(1)};

Breaker Opened(MonotonicTime now) {
  Breaker breaker;
  for (int i = 0; i < Breaker::kFailuresInRow; ++i) breaker.Fail(now);
  return breaker;
}

TEST(Breaker, OpensAfterFailuresInARowAndNotBefore) {
  Breaker breaker;
  for (int i = 1; i < Breaker::kFailuresInRow; ++i) breaker.Fail(kStart);
  EXPECT_TRUE(breaker.MayAsk(kStart));
  breaker.Succeed(kStart);
  for (int i = 1; i < Breaker::kFailuresInRow; ++i) breaker.Fail(kStart);
  EXPECT_EQ(breaker.At(kStart), State::kClosed);
  breaker.Fail(kStart);
  EXPECT_EQ(breaker.At(kStart), State::kOpen);
  EXPECT_FALSE(breaker.MayAsk(kStart));
}

TEST(Breaker, OpensWhenHalfOfTheOutcomesAreFailures) {
  Breaker breaker;
  for (int i = 0; i < Breaker::kWindowMin / 2; ++i) {
    EXPECT_EQ(breaker.At(kStart), State::kClosed);
    breaker.Succeed(kStart);
    breaker.Fail(kStart);
  }
  EXPECT_EQ(breaker.At(kStart), State::kOpen);
}

TEST(Breaker, LetsOneProbeThroughAndClosesWhenItWasGood) {
  Breaker breaker = Opened(kStart);
  const MonotonicTime later = kStart + Breaker::kOpenFirst;
  EXPECT_FALSE(breaker.MayAsk(later - kSecond));
  EXPECT_EQ(breaker.At(later), State::kHalfOpen);
  EXPECT_TRUE(breaker.MayAsk(later));
  breaker.Begin(later);
  EXPECT_FALSE(breaker.MayAsk(later));
  breaker.Succeed(later);
  EXPECT_EQ(breaker.At(later), State::kClosed);
  EXPECT_TRUE(breaker.MayAsk(later));
}

TEST(Breaker, AFailedProbeOpensForTwiceAsLong) {
  Breaker breaker = Opened(kStart);
  const MonotonicTime later = kStart + Breaker::kOpenFirst;
  breaker.Begin(later);
  breaker.Fail(later);
  EXPECT_EQ(breaker.At(later + Breaker::kOpenFirst), State::kOpen);
  EXPECT_EQ(breaker.At(later + 2 * Breaker::kOpenFirst), State::kHalfOpen);
}

TEST(Breaker, AProbeThatSaidNothingLetsTheNextOneTry) {
  Breaker breaker = Opened(kStart);
  const MonotonicTime later = kStart + Breaker::kOpenFirst;
  breaker.Begin(later);
  breaker.Abandon();
  EXPECT_TRUE(breaker.MayAsk(later));
}

TEST(Breaker, AWaitThatThePlaceAskedForIsKeptAndBounded) {
  Breaker breaker;
  breaker.Pause(kStart, 3 * kSecond);
  EXPECT_FALSE(breaker.MayAsk(kStart + 2 * kSecond));
  EXPECT_TRUE(breaker.MayAsk(kStart + 3 * kSecond));
  breaker.Pause(kStart, std::chrono::hours(5));
  EXPECT_TRUE(breaker.MayAsk(kStart + Breaker::kPauseMax));
}

}  // namespace
}  // namespace weir::backends
