#include "base/pace.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Pace, KnowsNothingBeforeItMeasuredSomething) {
  Pace pace;
  EXPECT_EQ(pace.per_s(), 0);
  EXPECT_EQ(pace.RetryAfter_s(1e9), 1);
  pace.Measured(0, seconds(1));
  pace.Measured(5, Duration(0));
  EXPECT_EQ(pace.per_s(), 0);
}

TEST(Pace, FollowsWhatWasMeasuredLately) {
  Pace pace;
  pace.Measured(100, seconds(1));
  EXPECT_DOUBLE_EQ(pace.per_s(), 100);
  EXPECT_EQ(pace.RetryAfter_s(950), 10);
  for (int i = 0; i < 50; ++i) pace.Measured(10, seconds(1));
  EXPECT_NEAR(pace.per_s(), 10, 0.5);
}

TEST(Pace, SaysNoNonsenseHoweverMuchThereIsToDo) {
  Pace pace;
  pace.Measured(1, seconds(100));
  EXPECT_EQ(pace.RetryAfter_s(1e12), Pace::kRetryAfterMax_s);
  EXPECT_EQ(pace.RetryAfter_s(-3), 1);
}

}  // namespace
}  // namespace weir
