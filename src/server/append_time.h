// A time among the fields of an answer of Weir's own routes.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "json/writer.h"

namespace weir::server {

// Seconds of Unix time, or null.
inline void AppendTime(json::Writer& writer, std::string_view key,
                       const std::optional<WallTime>& time) {
  writer.Key(key);
  if (time) {
    writer.Int(UnixSeconds(*time));
  } else {
    writer.Null();
  }
}

}  // namespace weir::server
