// How much one key may ask for, and the meter that holds it to that.
//
// A bucket for each limit: it holds what a minute allows, so a burst of one minute's worth passes
// at once and then the rate rules. Requests are paid when they are admitted, tokens when it is
// known how many there were, so one answer may overdraw the bucket and the next request waits until
// it is paid back. Pure: time is handed in, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"

namespace weir::keys {

// 0 is no limit.
struct Limits {
  uint32_t requests_per_minute = 0;
  uint32_t tokens_per_minute = 0;  // prompt and completion together
  uint32_t concurrent = 0;         // requests that run at the same time

  bool operator==(const Limits&) const = default;
};

class Meter {
 public:
  // Keys that are watched at once; idle ones are forgotten to stay below.
  static constexpr size_t kKeysMax = 100'000;

  // kRateLimited with retry_after_s and a message that names the limit, or the request is counted
  // and must be told Done exactly once.
  Result<void> Admit(std::string_view key_id, const Limits& limits, MonotonicTime now);
  void Done(std::string_view key_id, const Limits& limits, int64_t tokens, MonotonicTime now);

  size_t watched() const { return states_.size(); }

 private:
  struct State {
    MonotonicTime requests_full_at{};  // when the bucket would be full again
    MonotonicTime tokens_full_at{};
    uint32_t running = 0;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  Result<State*> Watch(std::string_view key_id, MonotonicTime now);
  void ForgetIdle(MonotonicTime now);

  std::unordered_map<std::string, State, Hash, std::equal_to<>> states_;
};

}  // namespace weir::keys
