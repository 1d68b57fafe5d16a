// Dates as HTTP writes them. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace weir {

// Any of the three forms of RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", and the obsolete ones
// of RFC 850 and of asctime. Nothing for any other text.
std::optional<WallTime> ParseHttpDate(std::string_view text);

}  // namespace weir
