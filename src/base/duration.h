// Durations as people write them: "300ms", "5m", "1h30m", "1.5h", "-1" (seconds when there is no
// unit). Units: ms, s, m, h, d.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

// Milliseconds; negative for text that starts with '-'. Nothing when `text` is no duration, or is
// over 100 years.
std::optional<int64_t> DurationMs(std::string_view text);

}  // namespace weir
