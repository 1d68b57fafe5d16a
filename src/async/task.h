// A coroutine of ours: `Task<Result<T>>` is the normal return type of what waits.
//
// A Task does nothing until it is awaited or spawned (spawn.h), and is awaited once. It runs on the
// thread of its Loop. Reference parameters are fine where the caller awaits at once; a spawned Task
// takes values.
//
// Cancellation is one notion for a whole request: whoever spawned the root cancels it, and whatever
// the tree awaits at that moment returns kCancelled. Everything awaited later returns kCancelled at
// once. Nothing is thrown.
//
// The coroutines that await each other are a chain: one of them runs, or waits, at any time, so a
// chain knows the one thing it waits for. Going from one to the next is a jump (symmetric
// transfer): a chain of any length uses no stack.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace weir {

class LoopCore;
class Wait;
struct RootTask;

// Where coroutines of one Loop run; nowhere by default. A plain value; posting through it is
// allowed from any thread. The Loop outlives its use.
class Executor {
 public:
  Executor() = default;
  explicit Executor(LoopCore& core) : core_(&core) {}
  LoopCore& core() const { return *core_; }

 private:
  LoopCore* core_ = nullptr;
};

struct Chain {
  LoopCore& loop;
  RootTask& root;
  Wait* wait = nullptr;  // what its innermost coroutine waits for
  bool cancelled = false;

  void Cancel();
};

// What each coroutine knows of its place.
struct PromiseBase {
  Chain* chain = nullptr;
  std::coroutine_handle<> caller = {};
  std::exception_ptr thrown = {};

  std::suspend_always initial_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { thrown = std::current_exception(); }
};

template <class T = void>
class Task;

namespace task_detail {

struct BackToCaller {
  bool await_ready() noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
    return ended.promise().caller;
  }
  void await_resume() noexcept {}
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value = {};

  Task<T> get_return_object();
  BackToCaller final_suspend() noexcept { return {}; }
  template <class U = T>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  BackToCaller final_suspend() noexcept { return {}; }
  void return_void() {}
  void Take() {}
};

}  // namespace task_detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  // Awaits as part of `chain`; `co_await` does with that of its coroutine.
  struct Awaiting {
    std::coroutine_handle<promise_type> frame;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> caller) const noexcept {
      return Begin(caller, *caller.promise().chain);
    }
    std::coroutine_handle<> Begin(std::coroutine_handle<> caller, Chain& chain) const noexcept {
      frame.promise().chain = &chain;
      frame.promise().caller = caller;
      return frame;
    }
    T await_resume() const {
      if (frame.promise().thrown) std::rethrow_exception(frame.promise().thrown);
      return frame.promise().Take();
    }
  };
  Awaiting operator co_await() && noexcept { return {frame_}; }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

template <class T>
Task<T> task_detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> task_detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace weir
