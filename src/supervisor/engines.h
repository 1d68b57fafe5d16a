// The engine processes of one launcher (and, as further instances, its egress processes and
// readers): starts, stops, and tells how they ended. Blocks nowhere. Knows nothing of the gateway
// but the ids that it gave.
//
// One thread. Descriptors in an engine: wire/control.h.
#pragma once

#include <poll.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "process/child.h"
#include "supervisor/model_files.h"
#include "supervisor/restart_policy.h"
#include "wire/control.h"

namespace weir {

struct EngineOptions {
  std::string program;  // weir-engine
  std::vector<std::string> arguments = {};
  std::vector<std::string> environment = {};
  std::vector<std::string> models_allowed = {};  // folders and files that models may come from
  bool takes_files = true;                       // false: egress and readers, which get none
  size_t engines_max = wire::kEnginesMax;
  RestartLimits restarts = {};
};

class Engines {
 public:
  explicit Engines(EngineOptions options)
      : options_(std::move(options)), models_(options_.models_allowed) {}

  struct Started {
    pid_t pid;
    Fd socket;  // the gateway's end
  };
  // kConflict: the id is taken. kRateLimited: too many run. kUnavailable with retry_after_s: this
  // model failed too often. Else what opening the files or starting the program came to.
  Result<Started> Start(const wire::StartEngine& request, MonotonicTime now);
  // A further descriptor for those that are started from now on, behind their files; it stays open
  // here. -1 for none.
  void HandDown(int descriptor) { handed_down_ = descriptor; }
  // SIGTERM now, SIGKILL when `grace` is over. An id that is not (or no longer) there is nobody's
  // fault.
  void Stop(uint64_t engine, Duration grace, MonotonicTime now);
  // SIGKILL now, to one that does not do its work: its end is a failure, not a wish.
  void Kill(uint64_t engine);
  // SIGKILL to all; none of them is reported by Reap any more, and their ids are free.
  void KillAll();

  void AddTo(std::vector<pollfd>& polled) const;
  // When Reap has something to do even though no engine ended.
  std::optional<MonotonicTime> NextDeadline() const;
  // Takes away those that have ended, each reported once, and kills those whose grace is over.
  std::vector<wire::EngineExited> Reap(MonotonicTime now);
  size_t size() const { return running_.size(); }

 private:
  struct Engine {
    uint64_t id;
    std::string model;
    Child child;
    bool stopped = false;    // Stop asked for its end
    bool abandoned = false;  // KillAll
    std::optional<MonotonicTime> kill_at = std::nullopt;
  };
  struct History {
    RestartPolicy policy;
    MonotonicTime start_allowed_at{};
  };

  Engine* Find(uint64_t id);
  Result<std::vector<Fd>> OpenFiles(const std::vector<std::string>& paths) const;
  Result<void> MayStart(const wire::StartEngine& request, MonotonicTime now);
  wire::EngineExited Report(const Engine& engine, const ChildEnd& end, MonotonicTime now);
  History& NoteFailure(const std::string& model, MonotonicTime now);

  EngineOptions options_;
  ModelFiles models_;
  int handed_down_ = -1;
  std::vector<Engine> running_;               // few
  std::map<std::string, History> histories_;  // by model path; bounded
};

}  // namespace weir
