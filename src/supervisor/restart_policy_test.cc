#include "supervisor/restart_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Verdict = RestartDecision::Verdict;

MonotonicTime At(Duration since_start) { return MonotonicTime(since_start); }

struct Step {
  int at_s;
  RestartDecision expected;
};
constexpr RestartDecision kNow{Verdict::kNow};
constexpr RestartDecision kGiveUp{Verdict::kGiveUp};
RestartDecision After(Duration wait) { return {Verdict::kAfter, wait}; }

void Expect(RestartLimits limits, const std::vector<Step>& steps) {
  RestartPolicy policy(limits);
  for (const Step& step : steps) {
    const RestartDecision decision = policy.OnFailure(At(seconds(step.at_s)));
    EXPECT_EQ(decision, step.expected)
        << "at " << step.at_s << " s: verdict " << static_cast<int>(decision.verdict) << ", wait "
        << Milliseconds(decision.wait) << " ms";
  }
}

TEST(RestartPolicy, RestartsAtOnceThreeTimesThenBacksOff) {
  Expect({}, {{0, kNow}, {1, kNow}, {2, kNow}, {3, After(seconds(1))}});
}

TEST(RestartPolicy, FailuresThatLieFarApartAreNotCountedTogether) {
  Expect({}, {{0, kNow}, {30, kNow}, {59, kNow}, {60, kNow}, {90, kNow}, {100, After(seconds(1))}});
}

TEST(RestartPolicy, EachBackOffIsTwiceTheLastUpToTheBound) {
  Expect({.restarts_max = 0, .backoff_max = seconds(5)}, {{0, After(seconds(1))},
                                                          {2, After(seconds(2))},
                                                          {5, After(seconds(4))},
                                                          {10, After(seconds(5))},
                                                          {16, After(seconds(5))}});
}

TEST(RestartPolicy, GivesUpAfterTheLastBackOff) {
  Expect({.restarts_max = 1, .backoffs_max = 2},
         {{0, kNow}, {1, After(seconds(1))}, {3, After(seconds(2))}, {6, kGiveUp}, {7, kGiveUp}});
}

TEST(RestartPolicy, NoBackOffAllowedMeansGivingUpAtOnce) {
  Expect({.restarts_max = 2, .backoffs_max = 0}, {{0, kNow}, {1, kNow}, {2, kGiveUp}});
}

TEST(RestartPolicy, AWholeWindowOfRunningWipesTheSlate) {
  // The back-off of 1 s began at 3 s, so the child runs from 4 s on; 64 s is a window later.
  Expect({}, {{0, kNow}, {1, kNow}, {2, kNow}, {3, After(seconds(1))}, {64, kNow}, {65, kNow}});
  Expect({}, {{0, kNow}, {1, kNow}, {2, kNow}, {3, After(seconds(1))}, {63, After(seconds(2))}});
}

TEST(RestartPolicy, LongBackOffsDoNotOverflow) {
  RestartPolicy policy({.restarts_max = 0, .backoff_max = minutes(5)});
  MonotonicTime now = At(seconds(1));
  for (int i = 0; i < 10'000; ++i) {
    const RestartDecision decision = policy.OnFailure(now);
    ASSERT_EQ(decision.verdict, Verdict::kAfter);
    ASSERT_GT(decision.wait, Duration(0));
    ASSERT_LE(decision.wait, minutes(5));
    now += decision.wait + seconds(1);
  }
}

// Whatever the failures are: no window ever holds more than the allowed restarts at once, and waits
// within one bad spell never shrink.
TEST(RestartPolicy, KeepsItsBoundsForEverySeed) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    const RestartLimits limits{.restarts_max = static_cast<int>(random() % 5),
                               .window = seconds(10 + random() % 100),
                               .backoff_max = seconds(1 + random() % 300)};
    RestartPolicy policy(limits);
    std::vector<MonotonicTime> at_once;
    MonotonicTime now = At(seconds(1));
    Duration last_wait{0};
    for (int i = 0; i < 200; ++i) {
      const RestartDecision decision = policy.OnFailure(now);
      if (decision.verdict == Verdict::kNow) {
        at_once.push_back(now);
        last_wait = Duration(0);
        const auto in_window = std::ranges::count_if(
            at_once, [&](MonotonicTime at) { return now - at < limits.window; });
        ASSERT_LE(in_window, limits.restarts_max) << "seed " << seed;
      } else {
        ASSERT_EQ(decision.verdict, Verdict::kAfter);
        ASSERT_LE(decision.wait, limits.backoff_max) << "seed " << seed;
        const bool recovered = last_wait == Duration(0) || limits.restarts_max == 0;
        if (!recovered) ASSERT_GE(decision.wait, last_wait) << "seed " << seed;
        last_wait = decision.wait;
      }
      now += decision.wait + milliseconds(random() % 2 == 0 ? random() % 1'000 : random() % 90'000);
    }
  }
}

}  // namespace
}  // namespace weir
