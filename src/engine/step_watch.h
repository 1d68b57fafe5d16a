// Lets the reader thread end a running step, but only when every request in it has been cancelled:
// a step serves several clients, and one that leaves must not cost the others their work (a global
// abort flag does exactly that).
//
// The engine thread brackets each decode with Begin and End; the reader thread calls Cancelled
// after it set a request's flag.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "async/mutex.h"

namespace weir::engine {

using CancelFlag = std::shared_ptr<std::atomic<bool>>;

class StepWatch {
 public:
  // `abort` ends the running step and every later one; `clear` takes that back. Both are called
  // under the lock.
  StepWatch(std::function<void()> abort, std::function<void()> clear)
      : abort_(std::move(abort)), clear_(std::move(clear)) {}

  void Begin(std::vector<CancelFlag> in_step) {
    MutexLock lock(mutex_);
    in_step_ = std::move(in_step);
    AbortIfAllCancelled();
  }
  void End() {
    MutexLock lock(mutex_);
    in_step_.clear();
    clear_();
  }
  void Cancelled() {
    MutexLock lock(mutex_);
    AbortIfAllCancelled();
  }

 private:
  void AbortIfAllCancelled() WEIR_THREAD_ANNOTATION(requires_capability(mutex_)) {
    if (in_step_.empty()) return;
    for (const CancelFlag& flag : in_step_) {
      if (!flag->load(std::memory_order_relaxed)) return;
    }
    abort_();
  }

  Mutex mutex_;
  const std::function<void()> abort_;
  const std::function<void()> clear_;
  std::vector<CancelFlag> in_step_ GUARDED_BY(mutex_);
};

}  // namespace weir::engine
