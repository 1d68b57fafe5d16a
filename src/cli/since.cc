#include "cli/since.h"

#include <fmt/core.h>

#include "base/duration.h"

namespace weir::cli {

std::optional<WallTime> SinceOf(const std::string& text) {
  if (text.empty()) return WallTime();
  const auto ms = DurationMs(text);
  if (ms && *ms > 0) return SystemClock().WallNow() - std::chrono::milliseconds(*ms);
  fmt::print(stderr, "weir: --since takes a duration like 30d or 12h\n");
  return std::nullopt;
}

}  // namespace weir::cli
