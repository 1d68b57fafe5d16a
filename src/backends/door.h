// The door as the gateway sees it: one egress process that is asked for when there is a backend to
// reach, started again when it ends, and replaced when the configuration changes. Beside it the
// permit office that works with it.
//
// I/O thread only; outlives every run of its Loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/task.h"
#include "backends/door_connection.h"
#include "backends/launcher_link.h"
#include "base/clock.h"
#include "privacy/permit.h"

namespace weir::backends {

// One configuration's way out. A generation that has begun keeps the one it started with.
struct OpenDoor {
  std::shared_ptr<DoorConnection> connection = {};
  privacy::PermitOffice office;
};

struct DoorPolicy {
  std::vector<privacy::Destination> destinations = {};
  std::string policy_hash = {};
};

// For doctor and metrics.
struct DoorStatus {
  bool wanted = false;  // some backend needs it
  bool open = false;
  std::string problem = {};  // why it is not open
  wire::EgressReady ready = {};
  uint64_t starts = 0;
};

class Door {
 public:
  // How long a call waits for a door that is being (re)started.
  static constexpr Duration kPatience = std::chrono::seconds(10);

  Door(const Executor& executor, const Clock& clock, EngineStarter& starter);
  ~Door();

  // The configuration that is in force from now on; a new egress process reads it, and the keys,
  // also where the configuration is the same. The one before finishes its calls. With no
  // destination there is no door.
  void Use(DoorPolicy policy);
  // Called when an egress process has read another configuration than the gateway: the file changed
  // in between.

  // The way out for the policy in use; waits while it is being opened, up to kPatience.
  // kUnavailable with the reason door_closed otherwise.
  Task<Result<std::shared_ptr<OpenDoor>>> Get();
  DoorStatus Status() const;

 private:
  struct State;
  static Task<void> Keep(std::shared_ptr<State> state, uint64_t generation);

  std::shared_ptr<State> state_;
};

}  // namespace weir::backends
