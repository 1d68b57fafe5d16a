// When a point ends. Its payload says so, in the member kExpiresKey: an RFC 3339 time, or seconds
// since 1970. So it comes through every API that takes payloads, is shown by those that give them,
// and is changed and taken away as they are. From that moment on the point is not there for any
// call; its contents are erased in the background soon after. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "json/value.h"

namespace weir::vectors {

inline constexpr std::string_view kExpiresKey = "weir:expires_at";

// As rows keep it: microseconds since 1970; kNoExpiry for what stays.
using Expiry = int64_t;
inline constexpr Expiry kNoExpiry = 0;
// Later than any.
inline constexpr Expiry kNever = std::numeric_limits<Expiry>::max();

// An error where the member is there and says no time; `path` is the payload's.
Result<Expiry> ReadExpiry(const json::Value& payload, std::string_view path = "payload");
// The same of a payload that was checked, or was written before there was a check: no time is no
// end.
Expiry ExpiryOf(const json::Value& payload);
// Writes the member.
void ExpireAt(json::Value& payload, WallTime time);

inline Expiry AsExpiry(WallTime time) { return time.time_since_epoch().count(); }
inline bool HasExpired(Expiry expiry, Expiry now) { return expiry != kNoExpiry && expiry <= now; }

}  // namespace weir::vectors
