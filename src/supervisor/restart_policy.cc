#include "supervisor/restart_policy.h"

#include <algorithm>
#include <utility>

namespace weir {

void RestartPolicy::Forget(MonotonicTime now) {
  std::erase_if(restarts_, [&](MonotonicTime at) { return now - at >= limits_.window; });
  if (backoffs_ > 0 && now - started_ >= limits_.window) {
    backoffs_ = 0;
    restarts_.clear();
  }
}

RestartDecision RestartPolicy::OnFailure(MonotonicTime now) {
  Forget(now);
  if (backoffs_ > 0 || std::cmp_greater_equal(restarts_.size(), limits_.restarts_max)) {
    return BackOff(now);
  }
  restarts_.push_back(now);
  started_ = now;
  return {RestartDecision::Verdict::kNow};
}

RestartDecision RestartPolicy::BackOff(MonotonicTime now) {
  if (limits_.backoffs_max && backoffs_ >= *limits_.backoffs_max) {
    return {RestartDecision::Verdict::kGiveUp};
  }
  Duration wait = limits_.backoff_first;
  for (int i = 0; i < backoffs_ && wait < limits_.backoff_max; ++i) wait *= 2;
  wait = std::min(wait, limits_.backoff_max);
  ++backoffs_;
  started_ = now + wait;
  return {RestartDecision::Verdict::kAfter, wait};
}

}  // namespace weir
