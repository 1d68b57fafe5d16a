// What the headers of a provider's answer say about time: when to come again, and how long what was
// asked for will be there. Pure; any thread.
#pragma once

#include <optional>

#include "base/clock.h"
#include "chat/provider.h"

namespace weir::chat {

// A Retry-After that is a date becomes whole seconds from the answer's own date, or from `now`
// where it has none: who reads an answer needs no clock.
void RetryAfterAsSeconds(ProviderHeaders& headers, WallTime now);

// What a provider announces of the model that it just answered with (Deprecation, RFC 9745, and its
// drafts; Sunset, RFC 8594).
struct Deprecation {
  bool announced = false;
  std::optional<WallTime> since = {};   // or from then on
  std::optional<WallTime> sunset = {};  // when it will be gone

  bool operator==(const Deprecation&) const = default;
};
Deprecation DeprecationOf(const ProviderHeaders& headers);

}  // namespace weir::chat
