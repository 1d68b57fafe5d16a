// Something that happened, which coroutines can wait for. It stays set until Reset.
//
// One Loop's thread, except for what Setter() returns. Who waits when the Event ends is not resumed
// but by a cancellation.
#pragma once

#include <functional>
#include <memory>

#include "async/loop.h"
#include "base/result.h"

namespace weir {

class Event {
 private:
  struct State;

 public:
  // Awaited: ok when set; kCancelled when the caller's tree was cancelled first; kDeadlineExceeded
  // when the time has come.
  class [[nodiscard]] Waiting final : public weir::Wait, Alarm {
   public:
    Waiting(State& event, MonotonicTime deadline) : event_(event), deadline_(deadline) {}
    bool await_ready() const { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
      return Suspend(coroutine) && Begin();
    }
    Result<void> await_resume() const;

   private:
    bool Begin();  // false when it is set already
    void Ring() override;
    void Detach() override { Disarm(); }

    State& event_;  // of no use once it waits
    const MonotonicTime deadline_;
    bool timed_out_ = false;
  };

  explicit Event(const Executor& executor);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Resumes all waiters soon, never inside this call.
  void Set();
  void Reset();
  bool is_set() const;

  Waiting Wait() { return {*state_, MonotonicTime::max()}; }
  Waiting WaitUntil(MonotonicTime deadline) { return {*state_, deadline}; }

  // Destroys the trees that wait, unresumed: for owners that end with their Loop, where a waiter
  // may own the Event.
  void Abandon();

  // Sets the event from any thread, also after the Event is gone (then it does nothing). The Loop
  // must be alive.
  std::function<void()> Setter();

 private:
  std::shared_ptr<State> state_;
};

}  // namespace weir
