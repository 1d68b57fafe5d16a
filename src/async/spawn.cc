#include "async/spawn.h"

#include <exception>
#include <utility>

#include "async/loop.h"
#include "async/root_task.h"
#include "base/log.h"

namespace weir {
namespace {

void LogEscaped(std::string_view name) {
  try {
    throw;
  } catch (const std::exception& e) {
    LogError("task '{}' ended with an exception: {}", name, e.what());
  } catch (...) {
    LogError("task '{}' ended with an exception that is no std::exception", name);
  }
}

// The coroutine at the root of a tree: it owns everything of it, and nobody awaits it.
struct Root {
  struct promise_type : PromiseBase {
    Root get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never final_suspend() noexcept { return {}; }  // which frees it
    void return_void() {}
    void unhandled_exception() { throw; }  // of `done`: the Loop's caller gets it
  };
  std::coroutine_handle<promise_type> frame;
};

Root Run(std::shared_ptr<RootTask> root, Task<void> task, std::move_only_function<void()> done) {
  try {
    // Moved, so that what it held is gone before `done` hears that it ended.
    co_await Task<void>(std::move(task));
  } catch (...) {
    LogEscaped(root->name);
  }
  root->Leave();
  root->frame = {};
  if (done) done();
}

// On its way to its Loop; destroyed where that ends first.
class Unstarted {
 public:
  explicit Unstarted(std::shared_ptr<RootTask> root) : root_(std::move(root)) {}
  Unstarted(Unstarted&&) = default;
  Unstarted& operator=(Unstarted&&) = delete;
  ~Unstarted() {
    if (root_) root_->Destroy();
  }
  void Start() { std::exchange(root_, nullptr)->Start(); }

 private:
  std::shared_ptr<RootTask> root_;
};

}  // namespace

void RootTask::Start() {
  chain.loop.AddRoot(*this);
  frame.resume();
}

void RootTask::Destroy() {
  Leave();
  std::exchange(frame, {}).destroy();
}

void CancelHandle::Cancel() const {
  if (root_ && root_->frame) root_->chain.Cancel();
}

CancelHandle Spawn(const Executor& executor, std::string_view name, Task<void> task,
                   std::move_only_function<void()> done) {
  CancelHandle handle;
  handle.root_ = std::make_shared<RootTask>(executor.core(), name);
  const Root coroutine = Run(handle.root_, std::move(task), std::move(done));
  coroutine.frame.promise().chain = &handle.root_->chain;
  handle.root_->frame = coroutine.frame;
  if (executor.core().IsRunningHere()) {
    handle.root_->Start();
  } else {
    Post(executor, [task = Unstarted(handle.root_)]() mutable { task.Start(); });
  }
  return handle;
}

}  // namespace weir
