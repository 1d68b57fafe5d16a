// Work in the background that is looked for again and again: when somebody wakes it, and at a time
// that it says itself. For as long as the process runs; what is left when it ends must stand
// somewhere durable.
//
// I/O thread. It must have ended (End) before what it stands on is destroyed.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "async/event.h"
#include "async/spawn.h"
#include "async/task.h"
#include "base/clock.h"

namespace weir {

class Recurring {
 public:
  // Does what there is. When to look again; nothing when it was cancelled.
  using Look = std::function<Task<std::optional<MonotonicTime>>()>;

  Recurring(const Executor& executor, std::string_view name, Look look)
      : executor_(executor),
        name_(name),
        look_(std::move(look)),
        work_(executor),
        ended_(executor) {}

  void Begin() {
    begun_ = true;
    running_ = Spawn(executor_, name_, Run(), [this] { ended_.Set(); });
  }
  void Wake() { work_.Set(); }
  // Returns when nothing of it runs any more.
  Task<void> End() {
    if (!begun_) co_return;
    running_.Cancel();
    co_await ended_.Wait();
  }

 private:
  Task<void> Run() {
    for (;;) {
      work_.Reset();
      const auto again = co_await look_();
      if (!again) co_return;
      const auto waited = co_await work_.WaitUntil(*again);
      if (!waited && waited.error().code == Code::kCancelled) co_return;
    }
  }

  Executor executor_;
  const std::string_view name_;
  const Look look_;
  Event work_;
  Event ended_;
  CancelHandle running_ = {};
  bool begun_ = false;
};

}  // namespace weir
