// One question to a supervised server whether it is ready: an HTTP GET at a loopback address, of
// whose answer nothing counts but the status. Never blocks.
//
// The launcher asks by itself, so that a server's health depends on neither gateway nor door. One
// thread.
#pragma once

#include <netinet/in.h>
#include <poll.h>

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "process/fd.h"

namespace weir {

struct LoopbackAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};
// A numeric address of loopback; nothing for any other.
std::optional<LoopbackAddress> LoopbackAddressOf(const std::string& address, uint16_t port);

// Whether nothing listens there now; what does would answer in the place of what is to be started.
// Waits for at most 20 ms, and in all but odd cases not at all.
bool IsFree(const LoopbackAddress& address);

class HealthCheck {
 public:
  // `host` is what the Host header says.
  HealthCheck(const LoopbackAddress& address, const std::string& host, const std::string& path,
              MonotonicTime deadline);

  pollfd polled() const;
  MonotonicTime deadline() const { return deadline_; }
  // Goes on as far as it can. Ok: the server says that it is ready; an Error: it does not; nothing:
  // it has not answered yet.
  std::optional<Result<void>> Step(MonotonicTime now);

 private:
  std::optional<Result<void>> End(std::string_view why) const;

  Fd socket_;
  int error_ = 0;  // of connecting
  std::string request_;
  bool asked_ = false;
  std::string answer_ = {};
  MonotonicTime deadline_;
};

}  // namespace weir
