// When to start a child again that failed. Pure: failures with their time go in, a decision comes
// out; no clock, no timer.
//
// A child may be restarted at once `restarts_max` times within `window`. One failure more and it
// counts as failed: from then on each restart waits twice as long as the one before, from
// `backoff_first` up to `backoff_max`; after `backoffs_max` of those the answer is to give up. A
// child that then runs for a whole `window` has recovered and starts with a clean slate.
//
// One policy for one child (or one model). One thread.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"

namespace weir {

struct RestartLimits {
  int restarts_max = 3;
  Duration window = std::chrono::seconds(60);
  Duration backoff_first = std::chrono::seconds(1);
  Duration backoff_max = std::chrono::minutes(5);
  std::optional<int> backoffs_max = std::nullopt;  // nothing: never give up
};

struct RestartDecision {
  enum class Verdict : uint8_t { kNow, kAfter, kGiveUp };
  Verdict verdict = Verdict::kNow;
  Duration wait{0};  // with kAfter
  bool operator==(const RestartDecision&) const = default;
};

class RestartPolicy {
 public:
  explicit RestartPolicy(RestartLimits limits) : limits_(limits) {}

  // The child failed at `now`. Times must not go back.
  RestartDecision OnFailure(MonotonicTime now);
  // Those that the last decision counted.
  int failures() const { return static_cast<int>(restarts_.size()) + backoffs_; }

 private:
  void Forget(MonotonicTime now);
  RestartDecision BackOff(MonotonicTime now);

  RestartLimits limits_;
  std::vector<MonotonicTime>
      restarts_;  // those made at once, within the window: at most restarts_max
  int backoffs_ = 0;
  MonotonicTime started_{};  // when the child last ran again, were the decision obeyed
};

}  // namespace weir
