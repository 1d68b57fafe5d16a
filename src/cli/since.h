// What `--since` means, for commands that look back.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace weir::cli {

// The time that lies `text` before now; "" is since ever. Nothing, and a line on stderr, where it
// is no duration: that is Exit::kUsage.
std::optional<WallTime> SinceOf(const std::string& text);

}  // namespace weir::cli
