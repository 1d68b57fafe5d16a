// Running coroutines from plain tests: one Task to its end, or the Loop until something holds. Both
// give up after a time that no healthy test needs, so that a hang is a failure.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "async/loop.h"
#include "async/spawn.h"
#include "base/check.h"
#include "base/clock.h"

namespace weir {

inline constexpr Duration kTestPatience = std::chrono::seconds(60);

template <class T>
Task<void> StoreForTest(Task<T> task, std::optional<T>& value) {
  value.emplace(co_await std::move(task));
}

// What `task` returned.
template <class T>
T RunForTest(Loop& loop, Task<T> task) {
  std::optional<T> value;
  Spawn(loop.executor(), "test", StoreForTest(std::move(task), value), [&loop] { loop.Stop(); });
  loop.RunFor(kTestPatience);
  CHECK(value.has_value(), "the task of a test did not end");
  return std::move(*value);
}

inline void RunForTest(Loop& loop, Task<void> task) {
  bool done = false;
  Spawn(loop.executor(), "test", std::move(task), [&] {
    done = true;
    loop.Stop();
  });
  loop.RunFor(kTestPatience);
  CHECK(done, "the task of a test did not end");
}

// Whether `holds` came true; it is asked no more then.
inline bool RunUntilTrue(Loop& loop, const std::function<bool()>& holds) {
  const MonotonicTime give_up = SystemClock().Now() + kTestPatience;
  while (!holds()) {
    if (SystemClock().Now() >= give_up) return false;
    loop.RunFor(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace weir
