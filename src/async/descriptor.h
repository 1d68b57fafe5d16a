// An open descriptor (socket, pipe) that coroutines can wait on. Reading and writing themselves are
// the caller's system calls on fd(), which is non-blocking: try, and wait only when the kernel says
// so.
//
// One Loop's thread. Owns the descriptor and closes it.
#pragma once

#include <memory>
#include <string_view>

#include "async/task.h"
#include "base/result.h"

namespace weir {

class Descriptor {
 public:
  // Takes ownership of `fd` and makes it non-blocking.
  Descriptor(const Executor& executor, int fd);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int fd() const;
  // Ok when a call will not block (end of stream and errors count as readable). kCancelled when the
  // caller's tree was cancelled, or Close came first.
  Task<Result<void>> WaitReadable();
  Task<Result<void>> WaitWritable();
  // Ends all waits. The descriptor is closed; fd() is -1.
  void Close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Sends all of `bytes` on a socket, which live until then. kUnavailable when the other side is
// gone.
Task<Result<void>> SendAll(Descriptor& socket, std::string_view bytes);

}  // namespace weir
