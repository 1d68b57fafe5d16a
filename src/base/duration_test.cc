#include "base/duration.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(DurationMs, ReadsWhatPeopleWrite) {
  EXPECT_EQ(DurationMs("0"), 0);
  EXPECT_EQ(DurationMs("30"), 30'000);
  EXPECT_EQ(DurationMs("300ms"), 300);
  EXPECT_EQ(DurationMs("1h30m"), 5'400'000);
  EXPECT_EQ(DurationMs("1.5h"), 5'400'000);
  EXPECT_EQ(DurationMs("0.5s"), 500);
  EXPECT_EQ(DurationMs("0.0004s"), 0);
  EXPECT_EQ(DurationMs("-1.25s"), -1'250);
  EXPECT_FALSE(DurationMs("1.s"));
  EXPECT_FALSE(DurationMs("1.5"));
  EXPECT_EQ(DurationMs("2d"), 172'800'000);
  EXPECT_EQ(DurationMs("-1"), -1000);
  EXPECT_EQ(DurationMs("-5m"), -300'000);
}

TEST(DurationMs, RefusesTheRest) {
  for (const char* text :
       {"", "-", "m", "5 m", "5x", "1h30", "--1", "1.5", "99999999999999999999s", "36601d"}) {
    EXPECT_EQ(DurationMs(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace weir
