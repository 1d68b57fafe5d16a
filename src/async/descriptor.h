// An open descriptor (socket, pipe) that coroutines can wait on. Reading and writing themselves are
// the caller's system calls on fd(), which is non-blocking: try, and wait only when the kernel says
// so.
//
// One Loop's thread. Owns the descriptor and closes it. One waits to read at a time, and one to
// write. What is waited for once stays known to the kernel: waiting again costs no system call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "async/loop.h"
#include "async/task.h"
#include "base/result.h"

namespace weir {

class Descriptor {
 private:
  struct State;

 public:
  // Awaited: ok when a call will not block (end of stream and errors count as readable). kCancelled
  // when the caller's tree was cancelled, or Close came first.
  class [[nodiscard]] Waiting final : public Wait {
   public:
    enum class For : uint8_t { kReading, kWriting };
    Waiting(State& state, For what) : state_(&state), for_(what) {}
    bool await_ready() const { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
      return Suspend(coroutine) && Begin();
    }
    Result<void> await_resume() const;
    ~Waiting() { Detach(); }

   private:
    friend State;
    bool Begin();  // false when there is nothing to wait for
    void Detach() override;

    State* state_;  // null once it is told
    const For for_;
    bool ready_ = false;
  };

  // Takes ownership of `fd` and makes it non-blocking.
  Descriptor(const Executor& executor, int fd);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int fd() const;
  bool is_open() const { return fd() >= 0; }
  Waiting WaitReadable() { return {*state_, Waiting::For::kReading}; }
  Waiting WaitWritable() { return {*state_, Waiting::For::kWriting}; }
  // Calls back when a call will not block, once, on the Loop's thread and never inside this call;
  // not at all, and is destroyed later, when Close comes first. Nobody else waits to read then.
  void OnceReadable(std::move_only_function<void()> call);
  // Ends all waits. The descriptor is closed; fd() is -1.
  void Close();

 private:
  std::unique_ptr<State> state_;
};

// Sends all of `bytes` on a socket, which live until then. kUnavailable when the other side is
// gone.
Task<Result<void>> SendAll(Descriptor& socket, std::string_view bytes);

}  // namespace weir
