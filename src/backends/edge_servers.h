// Servers that the launcher runs for backends of the configuration (`command`), as the gateway
// knows them: who waits for one is told when it is ready.
//
// I/O thread only; outlives every run of its Loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "async/event.h"
#include "async/task.h"
#include "base/clock.h"
#include "wire/control.h"

namespace weir::backends {

std::string_view ServerStateName(wire::ServerState state);

class EdgeServers {
 public:
  struct Wanted {
    std::string backend = {};
    uint64_t fingerprint = 0;
  };
  // For people.
  struct Status {
    std::string backend = {};
    wire::ServerState state = wire::ServerState::kStarting;
    int32_t pid = 0;
    uint32_t restarts = 0;
    std::string problem = {};
  };

  EdgeServers(const Executor& executor, const Clock& clock) : clock_(clock), changed_(executor) {}
  ~EdgeServers() { changed_.Abandon(); }

  // Those of the configuration in force. One whose fingerprint is new counts as starting until the
  // launcher says otherwise.
  void Use(const std::vector<Wanted>& wanted);
  // What the launcher says. Of a server as it was configured before, nothing counts any more.
  void Take(const wire::ServerReport& report);
  std::function<void(const std::string& backend)> on_up = {};

  // Ok at once for a backend without such a server. kUnavailable with the reason server_starting or
  // server_failed when it is not ready by then; one that has failed is not waited for.
  Task<Result<void>> Ready(std::string backend, MonotonicTime until);
  // Whether a request could be answered soon: it runs, or is being started.
  bool MayAsk(std::string_view backend) const;
  std::vector<Status> All() const;

 private:
  struct Known {
    wire::ServerReport report = {};
    MonotonicTime again_at{};  // of one that failed
  };
  Result<void> Judge(const std::string& backend) const;

  const Clock& clock_;
  Event changed_;
  std::map<std::string, Known, std::less<>> servers_ = {};
};

}  // namespace weir::backends
