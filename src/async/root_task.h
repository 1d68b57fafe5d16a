// A spawned tree: its chain, its name, and what is called when it has ended. Internal to async.
// Shared by the coroutine that runs it and by the handles that may cancel it.
#pragma once

#include <coroutine>
#include <functional>
#include <string_view>

#include "async/loop_core.h"

namespace weir {

struct RootTask : Link {
  RootTask(LoopCore& loop, std::string_view what) : chain{loop, *this}, name(what) {}

  void Start();
  // Destroys the coroutines where they wait, unresumed; `done` is not called.
  void Destroy();

  Chain chain;
  std::string_view name;
  std::coroutine_handle<> frame = {};  // none when it has ended
};

}  // namespace weir
