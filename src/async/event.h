// Something that happened, which coroutines can wait for. It stays set until Reset.
//
// One Loop's thread, except for what Setter() returns. A waiter does not keep Loop::Run from
// returning. Waiters that are left when the last of them and the Event go are destroyed unresumed.
#pragma once

#include <functional>
#include <memory>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"

namespace weir {

class Event {
 public:
  explicit Event(Executor executor);
  ~Event();  // CHECKs nothing: waiters that are left are never resumed (their Loop is being
             // destroyed)
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Resumes all waiters soon, never inside this call.
  void Set();
  void Reset();
  bool is_set() const;

  // Ok when set; kCancelled when the caller's tree was cancelled first.
  Task<Result<void>> Wait();
  // As Wait, and kDeadlineExceeded when the time has come.
  Task<Result<void>> WaitUntil(MonotonicTime deadline);

  // Destroys the waiting coroutines unresumed: for owners that end with their Loop, where a waiter
  // may own the Event.
  void Abandon();

  // Sets the event from any thread, also after the Event is gone (then it does nothing). The Loop
  // must be alive.
  std::function<void()> Setter();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace weir
