// What answers of Weir's own have as fields again and again, in the one form that it has.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "json/writer.h"

namespace weir::json {

// Seconds of Unix time, or null.
inline void AppendTime(Writer& writer, std::string_view key, const std::optional<WallTime>& time) {
  writer.Key(key);
  if (time) {
    writer.Int(UnixSeconds(*time));
  } else {
    writer.Null();
  }
}

inline void AppendTexts(Writer& writer, std::string_view key, std::span<const std::string> texts) {
  writer.Key(key).BeginArray();
  for (const std::string& text : texts) writer.String(text);
  writer.EndArray();
}

}  // namespace weir::json
