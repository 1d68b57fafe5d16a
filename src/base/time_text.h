// A wall clock time as people and JSON write it.
#pragma once

#include <fmt/format.h>

#include <ctime>
#include <string>

#include "base/clock.h"

namespace weir {

// RFC 3339 in UTC, whole seconds: "2026-11-03T10:00:00Z".
inline std::string TimeText(WallTime time) {
  const std::time_t seconds = UnixSeconds(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace weir
