// A deadline around a Task. The Task is cancelled when the time has come, and is always waited for:
// nothing of it runs on after WithDeadline has returned. A Task that ignores cancellation therefore
// ignores its deadline too.
#pragma once

#include <utility>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"

namespace weir {

// True when `work` ended by itself, false when the deadline cancelled it.
Task<bool> RunUntil(MonotonicTime deadline, Task<void> work);

template <class T>
Task<void> StoreResult(Task<Result<T>> work, Result<T>& result) {
  result = co_await std::move(work);
}

// What `work` returned; kDeadlineExceeded when it was cut short; kCancelled when the caller's tree
// was cancelled. A result that arrives at the very deadline counts if it is a value.
template <class T>
Task<Result<T>> WithDeadline(MonotonicTime deadline, Task<Result<T>> work) {
  Result<T> result = Fail(Code::kCancelled, "cancelled before it started");
  const bool in_time = co_await RunUntil(deadline, StoreResult<T>(std::move(work), result));
  if (!in_time && !result.has_value()) {
    co_return Fail(Code::kDeadlineExceeded, "the deadline of the request passed");
  }
  co_return std::move(result);
}

}  // namespace weir
