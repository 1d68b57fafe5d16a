// One I/O thread: whoever calls Run() is that thread. All Tasks, Events and sockets of the Loop
// belong to it.
#pragma once

#include <functional>
#include <memory>

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

  // Until Stop, or until nothing is left to wait for.
  void Run();
  // As Run, but at most for `limit`. True when nothing is left to wait for.
  bool RunFor(Duration limit);
  // Any thread.
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs `work` on the executor's thread, soon and never inside this call. Any thread.
void Post(const Executor& executor, std::move_only_function<void()> work);

// False when the caller's tree was cancelled first.
Task<bool> SleepUntil(MonotonicTime time);
Task<bool> SleepFor(Duration duration);

// Whether the caller's tree was cancelled: for loops that compute without awaiting anything of
// ours.
Task<bool> IsCancelled();

}  // namespace weir
