// The servers that the operator's configuration runs as children of the launcher (`command` of a
// [[backend]]): starts them, asks each whether it is ready, starts one again that failed, writes
// what they say into the log, and ends them. Blocks nowhere.
//
// They live longer than a gateway: a model that took minutes to load is not thrown away because
// something else crashed. Each has a warden (warden.h) between it and the launcher. The commands
// come from the configuration alone, never from the gateway. One thread.
#pragma once

#include <poll.h>

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "process/child.h"
#include "supervisor/health_check.h"
#include "supervisor/output_lines.h"
#include "supervisor/restart_policy.h"
#include "wire/control.h"

namespace weir {

struct ServerSpec {
  std::string backend = {};  // its name
  std::string program = {};  // a path; one that cannot be started is a failure like others
  std::vector<std::string> arguments = {};
  std::vector<LoopbackAddress> addresses = {};  // where it will listen; one that answers is enough
  std::string host = {};                        // of the Host header
  std::string health = {};                      // path
  Duration start_timeout = std::chrono::minutes(10);
  Duration health_timeout = std::chrono::seconds(60);
  uint64_t fingerprint = 0;  // of all of these; another one is another server
};

struct ServersOptions {
  std::string program = {};                   // what runs the warden
  std::vector<std::string> arguments = {};    // before the server's own command
  std::vector<std::string> environment = {};  // of the servers too: without secrets
  RestartLimits restarts = {};
  Duration grace = std::chrono::seconds(10);  // from SIGTERM to SIGKILL
};

class Servers {
 public:
  explicit Servers(ServersOptions options) : options_(std::move(options)) {}

  // These from now on: new ones are started, those that are no longer named end, and one whose
  // fingerprint changed ends and is started again.
  void Use(std::vector<ServerSpec> specs, MonotonicTime now);

  void AddTo(std::vector<pollfd>& polled) const;
  std::optional<MonotonicTime> NextDeadline() const;
  // Does what is due. Reports of those whose state changed.
  std::vector<wire::ServerReport> Turn(MonotonicTime now);
  std::vector<wire::ServerReport> Reports(MonotonicTime now) const;

  // Ends all of them, at once where `grace` is zero. Turn goes on until there is none.
  void StopAll(Duration grace, MonotonicTime now);
  bool empty() const { return servers_.empty(); }

 private:
  struct Life {  // of the process that runs now
    Child warden;
    Fd line;
    Fd output;
    MonotonicTime started{};
    OutputLines lines = {};
    std::optional<HealthCheck> check = std::nullopt;
    MonotonicTime check_at{};
    size_t address = 0;       // the next one to ask
    MonotonicTime good_at{};  // the last good answer, or the start
    std::string bad_answer = {};
    bool was_up = false;
    std::string hangs = {};                               // why it was killed
    std::optional<MonotonicTime> kill_at = std::nullopt;  // of the warden, once it was told to stop
  };
  struct Server {
    ServerSpec spec;
    RestartPolicy policy;
    wire::ServerState state = wire::ServerState::kStarting;
    std::optional<Life> life = std::nullopt;
    std::optional<MonotonicTime> start_at = std::nullopt;
    std::optional<ServerSpec> next = std::nullopt;  // takes its place when it has ended
    bool leaving = false;
    bool changed = true;
    int32_t pid = 0;
    uint32_t restarts = 0;
    std::string problem = {};
    Duration starting{0};  // time spent in starts that failed
  };

  void TakeNext(Server& server, MonotonicTime now);
  void Start(Server& server, MonotonicTime now);
  void Stop(Server& server, Duration grace, MonotonicTime now);
  void Kill(Server& server, std::string why, MonotonicTime now);
  void Step(Server& server, MonotonicTime now);
  static OutputLines::Sink LogOf(const Server& server);
  void ReadOutput(Server& server, MonotonicTime now);
  void ReadLine(Server& server);
  void AskHealth(Server& server, MonotonicTime now);
  void OnAnswer(Server& server, const Result<void>& answer, MonotonicTime now);
  void OnEnd(Server& server, const ChildEnd& end, MonotonicTime now);
  void OnFailure(Server& server, std::string problem, MonotonicTime now);
  static wire::ServerReport ReportOf(const Server& server, MonotonicTime now);

  ServersOptions options_;
  std::list<Server> servers_;
};

}  // namespace weir
