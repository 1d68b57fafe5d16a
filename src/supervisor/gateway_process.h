// One life of the gateway: its process and the control socket to it. A gateway that was restarted
// is a new GatewayProcess.
//
// Never blocks: what the gateway does not read waits in a bounded queue. The gateway is not
// trusted: every message is checked, and an Error from here means that it broke the protocol and
// has to be ended. One thread.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "process/child.h"
#include "wire/control.h"

namespace weir {

inline constexpr size_t kControlQueueMax = 256;  // messages that wait for the gateway to read

struct GatewayOptions {
  std::string program;  // weir
  std::vector<std::string> arguments = {};
  std::vector<std::string> environment = {};  // the launcher adds TMPDIR, the data folder
  std::vector<int> listeners =
      {};                  // listening sockets; they stay open here, so that they outlive it
  int lock = -1;           // of the data folder, for it to hold too; -1 for none
  int configuration = -1;  // a copy of it; -1 for none
};

class GatewayProcess {
 public:
  static Result<GatewayProcess> Start(const GatewayOptions& options);

  Child& child() { return child_; }
  int control_fd() const { return control_.get(); }
  bool HasUnsent() const { return !unsent_.empty(); }

  // Sends now or queues. An Error: over kControlQueueMax. Nothing happens when the gateway has
  // closed its end: its exit tells.
  Result<void> Send(const wire::ToGateway& message, Fd descriptor = Fd());
  // Sends what waits, as far as the gateway reads.
  Result<void> Flush();
  // The next message; nothing when none is there, or when the gateway has closed its end (then
  // closed() is true).
  Result<std::optional<wire::ToLauncher>> Receive();
  bool closed() const { return closed_; }

 private:
  struct Message {
    std::string bytes;
    Fd descriptor;
  };
  GatewayProcess(Child child, Fd control)
      : child_(std::move(child)), control_(std::move(control)) {}

  Child child_;
  Fd control_;
  std::deque<Message> unsent_;
  bool closed_ = false;
};

}  // namespace weir
