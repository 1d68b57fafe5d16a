// The stretches of time that budgets are for: days, weeks from Monday, months, all in UTC, and all
// time. A period is a number that rises with time. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace weir::ledger {

enum class Window : uint8_t { kDay, kWeek, kMonth, kTotal };
inline constexpr int kWindowCount = 4;
std::string_view WindowName(Window window);  // "day", "week", "month", "total"
std::optional<Window> WindowFromName(std::string_view name);

int64_t PeriodOf(Window window, WallTime time);
// When the period ends and the next begins; nothing for kTotal, which never ends.
std::optional<WallTime> EndOf(Window window, int64_t period);

}  // namespace weir::ledger
