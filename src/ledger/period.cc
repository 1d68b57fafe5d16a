#include "ledger/period.h"

#include <chrono>

namespace weir::ledger {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr int64_t kThursday = 3;  // 1970-01-01, counted from Monday

int64_t DayOf(WallTime time) { return std::chrono::floor<days>(time).time_since_epoch().count(); }
WallTime StartOfDay(int64_t day) { return WallTime(days(day)); }

// Rounds down, also before 1970.
int64_t FloorDivide(int64_t value, int64_t by) {
  return value / by - (value % by != 0 && value < 0 ? 1 : 0);
}

}  // namespace

std::string_view WindowName(Window window) {
  switch (window) {
    case Window::kDay:
      return "day";
    case Window::kWeek:
      return "week";
    case Window::kMonth:
      return "month";
    case Window::kTotal:
      return "total";
  }
  return "total";
}

std::optional<Window> WindowFromName(std::string_view name) {
  for (const Window window : {Window::kDay, Window::kWeek, Window::kMonth, Window::kTotal}) {
    if (WindowName(window) == name) return window;
  }
  return std::nullopt;
}

int64_t PeriodOf(Window window, WallTime time) {
  switch (window) {
    case Window::kDay:
      return DayOf(time);
    case Window::kWeek:
      return FloorDivide(DayOf(time) + kThursday, 7);
    case Window::kMonth: {
      const std::chrono::year_month_day date{std::chrono::floor<days>(time)};
      return int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month()) - 1;
    }
    case Window::kTotal:
      return 0;
  }
  return 0;
}

std::optional<WallTime> EndOf(Window window, int64_t period) {
  switch (window) {
    case Window::kDay:
      return StartOfDay(period + 1);
    case Window::kWeek:
      return StartOfDay((period + 1) * 7 - kThursday);
    case Window::kMonth: {
      const int64_t next = period + 1;
      const auto year = static_cast<int>(FloorDivide(next, 12));
      const auto month = static_cast<unsigned>(next - int64_t{year} * 12 + 1);
      return WallTime(sys_days(std::chrono::year(year) / std::chrono::month(month) / 1));
    }
    case Window::kTotal:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace weir::ledger
