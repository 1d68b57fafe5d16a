#include "backends/pulse.h"

#include <gtest/gtest.h>

namespace weir::backends {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = Pulse::Verdict;

// Ticks until it is not well any more, and what it is then.
std::pair<int, Verdict> Ticks(Pulse& pulse, bool busy, int most = 1000) {
  for (int i = 1; i <= most; ++i) {
    const Verdict verdict = pulse.Tick(busy);
    if (verdict != Verdict::kWell) return {i, verdict};
  }
  return {most, Verdict::kWell};
}

TEST(Pulse, WhoOwesNothingMayBeSilent) {
  Pulse pulse(seconds(1));
  EXPECT_FALSE(pulse.watching(false));
  EXPECT_EQ(Ticks(pulse, false).second, Verdict::kWell);
}

TEST(Pulse, SilenceIsAskedAboutAndThenBounded) {
  for (const Duration bound : {milliseconds(40), milliseconds(1000), milliseconds(90'000)}) {
    Pulse pulse(bound);
    const auto [asked, first] = Ticks(pulse, true);
    EXPECT_EQ(first, Verdict::kAsk);
    const auto [hung, second] = Ticks(pulse, true);
    EXPECT_EQ(second, Verdict::kHung);
    EXPECT_GE(hung * pulse.tick(), bound) << "a step has all of its bound";
    EXPECT_LE((asked + hung) * pulse.tick(), bound + 3 * pulse.tick());
    EXPECT_LE(pulse.tick(), milliseconds(250));
  }
}

TEST(Pulse, AFrameInEachStepIsEnough) {
  Pulse pulse(seconds(1));
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(pulse.Tick(true), Verdict::kHung);
    if (i % 3 == 2) pulse.Heard();
  }
}

TEST(Pulse, WhoeverTalksIsNotAsked) {
  Pulse pulse(seconds(1));
  for (int i = 0; i < 100; ++i) {
    pulse.Heard();
    ASSERT_EQ(pulse.Tick(true), Verdict::kWell);
  }
}

// The request that an engine hung with may have been cancelled: it hangs all the same.
TEST(Pulse, AnUnansweredCancelIsWatchedWithoutAnOpenRequest) {
  Pulse pulse(seconds(1));
  pulse.Sent();
  EXPECT_TRUE(pulse.watching(false));
  EXPECT_EQ(Ticks(pulse, false).second, Verdict::kAsk);
  EXPECT_EQ(Ticks(pulse, false).second, Verdict::kHung);
}

TEST(Pulse, AnAnswerEndsTheWatch) {
  Pulse pulse(seconds(1));
  pulse.Sent();
  EXPECT_EQ(Ticks(pulse, false).second, Verdict::kAsk);
  pulse.Heard();
  EXPECT_FALSE(pulse.watching(false));
  EXPECT_EQ(Ticks(pulse, false).second, Verdict::kWell);
}

}  // namespace
}  // namespace weir::backends
