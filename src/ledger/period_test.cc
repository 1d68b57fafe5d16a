#include "ledger/period.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace weir::ledger {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;

WallTime At(int year, unsigned month, unsigned day, std::chrono::seconds into = 0s) {
  return sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) +
         into;
}

TEST(Period, DaysEndAtMidnightUtc) {
  const int64_t day = PeriodOf(Window::kDay, At(2026, 11, 22, 86'399s));
  EXPECT_EQ(day + 1, PeriodOf(Window::kDay, At(2026, 11, 23)));
  EXPECT_EQ(EndOf(Window::kDay, day), At(2026, 11, 23));
}

TEST(Period, WeeksBeginOnMonday) {
  const int64_t week = PeriodOf(Window::kWeek, At(2026, 11, 22));  // a Sunday
  EXPECT_EQ(week, PeriodOf(Window::kWeek, At(2026, 11, 16)));
  EXPECT_EQ(week + 1, PeriodOf(Window::kWeek, At(2026, 11, 23)));
  EXPECT_EQ(EndOf(Window::kWeek, week), At(2026, 11, 23));
}

TEST(Period, MonthsAreThoseOfTheCalendar) {
  const int64_t month = PeriodOf(Window::kMonth, At(2026, 12, 31, 86'399s));
  EXPECT_EQ(EndOf(Window::kMonth, month), At(2027, 1, 1));
  EXPECT_EQ(month + 1, PeriodOf(Window::kMonth, At(2027, 1, 1)));
}

TEST(Period, AllTimeNeverEnds) {
  EXPECT_EQ(PeriodOf(Window::kTotal, At(2026, 1, 1)), PeriodOf(Window::kTotal, At(2099, 1, 1)));
  EXPECT_EQ(EndOf(Window::kTotal, 0), std::nullopt);
}

TEST(Period, EveryTimeLiesBeforeTheEndOfItsPeriodAndTheEndInTheNext) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20'000; ++round) {
    const WallTime time(
        std::chrono::seconds(static_cast<int64_t>(random() % 8'000'000'000u) - 2'000'000'000));
    for (const Window window : {Window::kDay, Window::kWeek, Window::kMonth}) {
      const int64_t period = PeriodOf(window, time);
      const auto end = EndOf(window, period);
      ASSERT_TRUE(end.has_value());
      ASSERT_LT(time, *end);
      ASSERT_EQ(PeriodOf(window, *end), period + 1);
      ASSERT_EQ(PeriodOf(window, *end - 1us), period);
    }
  }
}

TEST(Period, WindowsHaveNames) {
  for (const Window window : {Window::kDay, Window::kWeek, Window::kMonth, Window::kTotal}) {
    EXPECT_EQ(WindowFromName(WindowName(window)), window);
  }
  EXPECT_EQ(WindowFromName("year"), std::nullopt);
}

}  // namespace
}  // namespace weir::ledger
