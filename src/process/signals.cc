#include "process/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace weir {

Result<SignalQueue> SignalQueue::Open(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return Fail(SystemError("cannot block signals", error));
  }
  const int number = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (number < 0) return Fail(SystemError("cannot open a signal queue", errno));
  return SignalQueue(Fd(number));
}

std::optional<int> SignalQueue::Next() {
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void IgnoreBrokenPipes() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace weir
