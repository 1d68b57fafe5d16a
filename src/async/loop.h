// One I/O thread: whoever calls Run() is that thread. All Tasks, Events and sockets of the Loop
// belong to it.
#pragma once

#include <functional>
#include <memory>

#include "async/loop_core.h"
#include "async/task.h"
#include "base/clock.h"

namespace weir {

class Loop {
 public:
  Loop();
  ~Loop();  // destroys what is still suspended, without running it further
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Executor executor();

  // Until Stop, or until nothing is left: no Task, nothing posted, nobody who waits for a time or
  // for a descriptor.
  void Run();
  // As Run, but at most for `limit`. False when the time was over first.
  bool RunFor(Duration limit);
  // Any thread.
  void Stop();

 private:
  std::unique_ptr<LoopCore> core_;
};

// Runs `work` on the executor's thread, soon and never inside this call. Any thread.
void Post(const Executor& executor, std::move_only_function<void()> work);

// Awaited: false when the caller's tree was cancelled first.
class [[nodiscard]] Sleep final : public Wait, Alarm {
 public:
  explicit Sleep(MonotonicTime until) : until_(until) {}
  bool await_ready() const { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    if (!Suspend(coroutine)) return false;
    Arm(chain().loop, until_);
    return true;
  }
  bool await_resume() const { return !cancelled(); }

 private:
  void Ring() override { ResumeSoon(); }
  void Detach() override { Disarm(); }
  const MonotonicTime until_;
};
inline Sleep SleepUntil(MonotonicTime time) { return Sleep(time); }
inline Sleep SleepFor(Duration duration) { return Sleep(SystemClock().Now() + duration); }

// Awaited: whether the caller's tree was cancelled, for loops that compute without awaiting
// anything else of ours.
class [[nodiscard]] IsCancelled {
 public:
  bool await_ready() const { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    cancelled_ = coroutine.promise().chain->cancelled;
    return false;
  }
  bool await_resume() const { return cancelled_; }

 private:
  bool cancelled_ = false;
};

// Calls back at a time, once for each Start. One Loop's thread; ends with its owner.
class Timer final : Alarm {
 public:
  Timer(const Executor& executor, std::function<void()> on_time)
      : loop_(executor.core()), on_time_(std::move(on_time)) {}
  void Start(Duration after) { StartAt(SystemClock().Now() + after); }
  void StartAt(MonotonicTime time) { Arm(loop_, time); }
  void Stop() { Disarm(); }
  bool started() const { return armed(); }

 private:
  void Ring() override { on_time_(); }
  LoopCore& loop_;
  const std::function<void()> on_time_;
};

}  // namespace weir
