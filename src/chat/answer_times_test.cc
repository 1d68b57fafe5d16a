#include "chat/answer_times.h"

#include <gtest/gtest.h>

namespace weir::chat {
namespace {

using std::chrono::seconds;

int RetryAfter(ProviderHeaders headers, WallTime now) {
  RetryAfterAsSeconds(headers, now);
  return RetryAfterSeconds(headers);
}

TEST(RetryAfterDate, IsTheTimeUntilThen) {
  FakeClock clock;
  clock.SetWall(WallTime(seconds(784'111'777)));  // Sun, 06 Nov 1994 08:49:37 GMT
  const std::string date = "Sun, 06 Nov 1994 08:49:47 GMT";
  EXPECT_EQ(RetryAfter({{"retry-after", date}}, clock.WallNow()), 10);
  clock.Advance(std::chrono::milliseconds(8'500));
  EXPECT_EQ(RetryAfter({{"retry-after", date}}, clock.WallNow()), 2) << "not before that time";
  clock.Advance(seconds(60));
  EXPECT_EQ(RetryAfter({{"retry-after", date}}, clock.WallNow()), 0) << "it is over";
  EXPECT_EQ(RetryAfter({{"retry-after", "Sun, 06 Nov 2094 08:49:37 GMT"}}, clock.WallNow()), 3600);
}

TEST(RetryAfterDate, CountsByTheClockOfTheProvider) {
  const WallTime elsewhere(seconds(1'700'000'000));
  EXPECT_EQ(RetryAfter({{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                        {"retry-after", "Sun, 06 Nov 1994 08:49:41 GMT"}},
                       elsewhere),
            4);
}

TEST(RetryAfterDate, LeavesEverythingElseAsItIs) {
  const WallTime now(seconds(1'700'000'000));
  EXPECT_EQ(RetryAfter({{"retry-after", "7"}}, now), 7);
  EXPECT_EQ(RetryAfter({{"retry-after", "soon"}}, now), 0);
  EXPECT_EQ(RetryAfter({}, now), 0);
}

TEST(Deprecation, IsReadInEveryFormThatIsSent) {
  const WallTime day(seconds(784'111'777));
  const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  const auto of = [](const char* name, const std::string& value) {
    return DeprecationOf({{name, value}});
  };
  EXPECT_EQ(of("deprecation", "@784111777"), (Deprecation{true, day, {}}));
  EXPECT_EQ(of("deprecation", date), (Deprecation{true, day, {}}));
  EXPECT_EQ(of("deprecation", "true"), (Deprecation{true, {}, {}}));
  EXPECT_EQ(of("sunset", date), (Deprecation{true, {}, day}));
}

TEST(Deprecation, IsNotWhatSaysNothing) {
  for (const char* text : {"", "false", "@", "@-1", "@12x", "@99999999999999999999", "later"}) {
    EXPECT_EQ(DeprecationOf({{"deprecation", text}}), Deprecation{}) << text;
  }
  EXPECT_EQ(DeprecationOf({}), Deprecation{});
}

}  // namespace
}  // namespace weir::chat
