// How fast work of one kind is done, from what was measured lately; and from that how long to wait
// for some of it. Not a limit, and not a clock: it is told durations. One thread.
#pragma once

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace weir {

class Pace {
 public:
  static constexpr int kRetryAfterMax_s = 600;

  // `amount` (tokens, bytes, requests) took so long.
  void Measured(double amount, Duration took) {
    if (amount <= 0 || took <= Duration(0)) return;
    const double sample = std::chrono::duration<double>(took).count() / amount;
    seconds_ = seconds_ <= 0 ? sample : seconds_ + kWeight * (sample - seconds_);
  }

  double per_s() const { return seconds_ <= 0 ? 0 : 1 / seconds_; }  // 0: nothing was measured

  // What a Retry-After says when `amount` has to be done first. Before anything was measured there
  // is nothing to go by but the least.
  int RetryAfter_s(double amount) const {
    const double seconds = std::ceil(seconds_ * std::max(amount, 0.0));
    return static_cast<int>(std::clamp(seconds, 1.0, double{kRetryAfterMax_s}));
  }

 private:
  static constexpr double kWeight = 0.2;  // of the newest
  double seconds_ = 0;                    // for one; 0: nothing was measured
};

}  // namespace weir
