// Starts a root Task on an executor. Spawning happens in few, listed places, always with a name.
//
// The Task runs on the executor's thread and owns its values: it takes no references to what may
// die before it. An exception that escapes it is a bug of the Task; it is logged with the name and
// ends that Task alone.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "async/task.h"

namespace weir {

// Cancels a spawned tree. Copyable; used and destroyed on the Loop's thread; outliving the Task is
// fine.
class CancelHandle {
 public:
  CancelHandle() = default;
  // What the tree awaits now returns kCancelled soon. The second call does nothing.
  void Cancel() const;

 private:
  friend CancelHandle Spawn(const Executor&, std::string_view, Task<void>,
                            std::move_only_function<void()>);
  std::shared_ptr<RootTask> root_ = {};
};

// `name` is a literal or outlives the Task. `done`, if any, is called on the Loop's thread when the
// Task has ended. On the Loop's thread, while that runs, the Task begins inside this call.
CancelHandle Spawn(const Executor& executor, std::string_view name, Task<void> task,
                   std::move_only_function<void()> done = nullptr);

}  // namespace weir
