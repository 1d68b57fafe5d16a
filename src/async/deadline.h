// A deadline around a Task. The Task is cancelled when the time has come, and is always waited for:
// nothing of it runs on after WithDeadline has returned. A Task that ignores cancellation therefore
// ignores its deadline too.
#pragma once

#include <optional>
#include <utility>

#include "async/loop.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"

namespace weir {

// Runs a Task as a chain of its own inside the caller's, which can be cancelled apart. To its
// caller's chain it is what that waits for.
template <class T>
class [[nodiscard]] Race final : public Wait, Alarm {
 public:
  // `over` is set when the deadline cancelled the work.
  Race(MonotonicTime deadline, Task<T> work, bool& over)
      : deadline_(deadline), work_(std::move(work)), over_(over) {}

  bool await_ready() const { return false; }
  // The caller's chain is not cancelled, or the work runs cancelled from its start.
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> caller) {
    outer_ = caller.promise().chain;
    inner_.emplace(outer_->loop, outer_->root, nullptr, !Suspend(caller));
    if (deadline_ != MonotonicTime::max()) Arm(outer_->loop, deadline_);
    running_.emplace(std::move(work_).operator co_await());
    return running_->Begin(caller, *inner_);
  }
  T await_resume() {
    if (outer_->wait == this) outer_->wait = nullptr;
    Disarm();
    return running_->await_resume();
  }

 private:
  void Cancel() override { inner_->Cancel(); }
  void Ring() override {
    over_ = true;
    inner_->Cancel();
  }

  const MonotonicTime deadline_;
  Chain* outer_ = nullptr;
  std::optional<Chain> inner_ = {};  // outlives the work
  Task<T> work_;
  bool& over_;
  std::optional<typename Task<T>::Awaiting> running_ = {};
};

// True when `work` ended by itself, false when the deadline cancelled it.
inline Task<bool> RunUntil(MonotonicTime deadline, Task<void> work) {
  if (co_await IsCancelled()) co_return true;
  bool over = false;
  co_await Race<void>(deadline, std::move(work), over);
  co_return !over;
}

// What `work` returned; kDeadlineExceeded when it was cut short; kCancelled when the caller's tree
// was cancelled. A result that arrives at the very deadline counts if it is a value.
template <class T>
Task<Result<T>> WithDeadline(MonotonicTime deadline, Task<Result<T>> work) {
  if (co_await IsCancelled()) co_return Fail(Code::kCancelled, "cancelled before it started");
  bool over = false;
  Result<T> result = co_await Race<Result<T>>(deadline, std::move(work), over);
  if (over && !result.has_value()) {
    co_return Fail(Code::kDeadlineExceeded, "the deadline of the request passed");
  }
  co_return std::move(result);
}

}  // namespace weir
