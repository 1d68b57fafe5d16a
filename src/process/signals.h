// Signals as something to poll. While a SignalQueue lives, its signals are blocked in the thread
// that opened it (and in threads started later); they wait here instead of interrupting anything.
// Open it before other threads start.
#pragma once

#include <csignal>
#include <initializer_list>
#include <optional>

#include "base/result.h"
#include "process/fd.h"

namespace weir {

class SignalQueue {
 public:
  static Result<SignalQueue> Open(std::initializer_list<int> signals);
  SignalQueue(SignalQueue&&) noexcept = default;
  SignalQueue& operator=(SignalQueue&&) noexcept = default;
  // Signals stay blocked afterwards: one that arrives late must not end the process half-way
  // through its own end.
  ~SignalQueue() = default;

  // Readable when a signal waits.
  int poll_fd() const { return fd_.get(); }
  // The next waiting signal, or nothing; never blocks. Several of the same kind may have become
  // one.
  std::optional<int> Next();

 private:
  explicit SignalQueue(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// A write to a closed pipe or socket gives EPIPE instead of ending the process. Once, before
// threads start.
void IgnoreBrokenPipes();

}  // namespace weir
