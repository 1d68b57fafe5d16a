// A bounded queue between threads. Any thread pushes, any thread pops; a push never waits.
//
// A plain thread pops with a deadline. A coroutine's thread gives `wake` (Event::Setter) and pops
// with TryPop after its Event: set, Reset, then TryPop until empty.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "async/mutex.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/result.h"

namespace weir {

template <class T>
class Channel {
 public:
  // `wake` is called outside the lock, after each push and after Close, on the thread that pushed
  // or closed.
  explicit Channel(size_t capacity, std::function<void()> wake = nullptr)
      : capacity_(capacity), wake_(std::move(wake)) {
    CHECK(capacity > 0, "a channel holds at least one value");
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // kUnavailable when full or closed; `value` is left as it was then.
  Result<void> Push(T&& value) {
    {
      MutexLock lock(mutex_);
      if (closed_) return Fail(Code::kUnavailable, "the queue is closed", {}, "queue_closed");
      if (values_.size() >= capacity_) {
        return Fail(Code::kUnavailable,
                    "the queue is full (" + std::to_string(capacity_) + " entries)", {},
                    "queue_full");
      }
      values_.push_back(std::move(value));
    }
    changed_.notify_one();
    if (wake_) wake_();
    return {};
  }

  // The oldest value; nothing when the deadline passed, or when closed and empty (closed_and_empty
  // tells).
  std::optional<T> PopUntil(MonotonicTime deadline) {
    MutexLock lock(mutex_);
    while (values_.empty() && !closed_) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
    }
    return TakeFront();
  }
  // As PopUntil, without a deadline.
  std::optional<T> Pop() {
    MutexLock lock(mutex_);
    while (values_.empty() && !closed_) changed_.wait(mutex_);
    return TakeFront();
  }
  std::optional<T> TryPop() {
    MutexLock lock(mutex_);
    return TakeFront();
  }

  // No pushes from now on; what is inside can still be popped. Wakes everybody who waits.
  void Close() {
    {
      MutexLock lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    if (wake_) wake_();
  }

  bool closed_and_empty() const {
    MutexLock lock(mutex_);
    return closed_ && values_.empty();
  }
  size_t size() const {
    MutexLock lock(mutex_);
    return values_.size();
  }

 private:
  std::optional<T> TakeFront() WEIR_THREAD_ANNOTATION(requires_capability(mutex_)) {
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    return value;
  }

  const size_t capacity_;
  const std::function<void()> wake_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<T> values_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace weir
