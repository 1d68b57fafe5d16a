// What the fleet keeps of each model that is loaded, being loaded or failed, and of each process.
// For the sources of EngineFleet alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/event.h"
#include "backends/engine_connection.h"
#include "backends/engine_fleet.h"
#include "base/clock.h"
#include "base/pace.h"
#include "wire/control.h"

namespace weir::backends {

// How long a process that was told to go may take, before another is started in its place.
inline constexpr auto kExitPatience = std::chrono::seconds(5);
inline constexpr auto kStatsPatience = std::chrono::seconds(1);

// The end of one process.
struct EngineFleet::Exit {
  explicit Exit(const Executor& executor) : happened(executor) {}
  Event happened;
  wire::EngineExited report = {};
  uint64_t leaving_bytes = 0;  // that it still holds after it was told to go
};

struct EngineFleet::Slot {
  Slot(const Executor& executor, std::string name) : model(std::move(name)), changed(executor) {}

  std::string model;
  EngineState state = EngineState::kLoading;
  MonotonicTime begun = {};  // to load
  ModelFile file = {};
  std::string footprint = {};  // model, file and settings: what decides how much it takes
  ExitPtr after = {};          // of the engine that this one replaces
  uint64_t engine = 0;         // of the launcher; 0 before there is one
  ExitPtr exit = {};           // of that engine
  std::shared_ptr<EngineConnection> connection = {};
  Error error = {};  // kFailed
  MonotonicTime retry_at = {};
  bool stopped = false;  // somebody unloaded it: its end is no failure
  size_t users = 0;
  MonotonicTime busy_since = {};  // with users
  Pace leases = {};               // how long one has it
  MonotonicTime last_used = {};
  bool used = true;                               // since it told its size
  std::optional<MonotonicTime> measured_at = {};  // when it was asked
  Duration keep_alive = {};
  bool pinned = false;
  Event changed;
};

}  // namespace weir::backends
