// The engines of this machine: which models are loaded, loading one when it is asked for, unloading
// it when nobody asked for a while. It implements Backend by handing each request to the right
// engine.
//
// An engine that ends without being asked, hangs, or breaks the protocol fails its requests at once
// and is started again by itself, within the launcher's bound; a model beyond it is held back and
// says so until its time has come and somebody asks for it.
//
// All loaded engines together take no more than `memory_max`. Before a model is loaded, what it
// will take is what it was measured at the last time, else the estimate of its file; an engine that
// is loaded counts with what it tells of itself. Where that does not fit, or `engines_max` are
// there, idle ones give way by the rule of eviction.h: never one that is in use, being loaded, or
// pinned. A new engine starts when the memory of those that went is free.
//
// I/O thread only. How a process comes to be is the EngineStarter's business; what a name means is
// the Resolver's. It outlives every run of its Loop; streams may outlive it, unused.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/spawn.h"
#include "backends/backend.h"
#include "backends/engine_connection.h"
#include "backends/eviction.h"
#include "backends/launcher_link.h"
#include "base/clock.h"
#include "base/pace.h"
#include "wire/engine.h"

namespace weir::backends {

struct ModelFile {
  std::vector<std::string> files = {};  // the model first, then its adapters, then its projector
  bool has_projector = false;
  wire::EngineSettings settings = {};
  std::optional<Duration> keep_alive = {};  // of this model; negative: for ever, and pinned
  // Estimates, in bytes: what it cannot do without, and what it is likely to take.
  uint64_t memory_least = 0;
  uint64_t memory_likely = 0;
  // For the message when it can never be loaded: what it needs, and what would fit into so much.
  std::function<std::string(uint64_t bytes)> why_too_large = {};
};

struct FleetOptions {
  Duration keep_alive = std::chrono::minutes(5);  // after the last request; negative: for ever
  size_t engines_max = 4;
  uint64_t memory_max = UINT64_MAX;  // bytes of all engines together
  // Nobody chose memory_max: a model beyond it is loaded all the same where no other one is.
  bool memory_is_guess = false;
  Duration stop_grace = std::chrono::seconds(2);
  Duration load_timeout = std::chrono::minutes(5);  // without progress: then the engine hangs
  Duration step_timeout = std::chrono::minutes(2);  // without a sign of life: as well
  uint64_t salt = 0;  // random for each start: what engines know of tenants cannot be guessed
};

enum class EngineState : uint8_t { kLoading, kReady, kFailed };
std::string_view EngineStateName(EngineState state);

// One line of `weir ps`.
struct EngineStatus {
  std::string model = {};
  EngineState state = EngineState::kLoading;
  float loading = 0;
  wire::EngineInfo info = {};
  wire::EngineStats stats = {};  // as last asked
  uint64_t memory_bytes = 0;     // that it counts with: measured; while it loads, expected
  bool pinned = false;           // gives way to no other
  size_t open_requests = 0;      // running, or waiting for it to load
  std::optional<Duration> unloads_in = {};  // absent: never, in use, or not ready
  bool answers = true;                    // false: it told no figures in time, so `stats` are older
  uint64_t restarts = 0;                  // of this model, by itself, since the gateway started
  std::string last_error = {};            // kFailed: why
  std::optional<Duration> retry_in = {};  // kFailed: until it may be tried again
};

struct FleetMemory {
  uint64_t max = UINT64_MAX;  // of FleetOptions
  bool is_guess = false;
  uint64_t used = 0;  // as the lines of EngineStatus have it
};

class EngineFleet final : public Backend {
 public:
  // The file and settings of a model by its full name; kNotFound when there is none.
  using Resolver = std::function<Result<ModelFile>(const std::string& model)>;

  EngineFleet(const Executor& executor, const Clock& clock, EngineStarter& starter,
              Resolver resolver, FleetOptions options);
  ~EngineFleet() override;

  Task<Result<std::unique_ptr<EventStream>>> Generate(
      const chat::Principal& principal, std::string model,
      const chat::GenerateRequest& request) override;
  Task<Result<chat::Embeddings>> Embed(const chat::Principal& principal, std::string model,
                                       const chat::EmbedRequest& request) override;
  Task<Result<chat::Scores>> Score(const chat::Principal& principal, std::string model,
                                   const chat::ScoreRequest& request) override;
  size_t generating() const override { return *generating_; }
  Residence ResidenceOf(const std::string& model) const override;
  Task<Result<wire::Tokens>> Tokenize(std::string model, wire::Tokenize request);
  Task<Result<wire::Text>> Detokenize(std::string model, wire::Detokenize request);

  // Loads without a request. Ok when it is ready. A negative keep_alive pins the model; another one
  // ends that. What requests wish for a pinned model's time is not heard.
  Task<Result<wire::EngineInfo>> Preload(std::string model, std::optional<int64_t> keep_alive_ms);
  // Requests that run, or wait for it to load, get kUnavailable. kNotFound when it is not loaded.
  Result<void> Stop(const std::string& model);
  void StopAll();
  // Asks each ready engine for its figures first.
  Task<std::vector<EngineStatus>> Status();
  FleetMemory memory() const;
  // Other bounds from now on (FleetOptions has the words). Idle engines beyond them go, the
  // cheapest to bring back first; those in use or pinned stay.
  void SetBounds(uint64_t memory_max, bool memory_is_guess, size_t engines_max);
  void OnEngineExited(const wire::EngineExited& exited);

 private:
  struct Exit;
  struct Slot;
  class Lease;
  class LeasedStream;
  using SlotPtr = std::shared_ptr<Slot>;
  using ExitPtr = std::shared_ptr<Exit>;

  Task<Result<std::shared_ptr<Lease>>> Acquire(std::string model,
                                               std::optional<int64_t> keep_alive_ms);
  Result<SlotPtr> SlotFor(const std::string& model);
  Result<SlotPtr> NewSlot(const std::string& model, const Slot* replaced = nullptr);
  Result<SlotPtr> Replace(const SlotPtr& old);
  Task<Result<void>> WaitForEnd(SlotPtr slot);
  void HoldBack(Slot& slot, const wire::EngineExited& exited);
  Error FailureOf(const Slot& slot) const;
  Task<void> Load(SlotPtr slot);
  Task<Result<wire::EngineInfo>> StartAndLoad(SlotPtr slot);
  Task<void> Watch(SlotPtr slot);
  Task<void> UnloadWhenIdle(SlotPtr slot);
  static std::string FootprintOf(const std::string& model, const ModelFile& file);
  void Remember(const Slot& slot);
  Task<void> Measure(SlotPtr slot);
  Result<void> MakeRoom(const Slot& wanted);
  void ForgetFailures();
  void GiveBack(const Slot& grown);
  Task<Result<void>> WaitForMemory(SlotPtr slot);
  Error NoRoom(const Slot& wanted, uint64_t bytes) const;
  std::vector<SlotPtr> WithProcess() const;
  LoadedEngine AsLoaded(const Slot& slot) const;
  uint64_t Expected(const Slot& slot) const;
  uint64_t Held(const Slot& slot) const;
  uint64_t HeldByLeaving() const;
  int PlaceIn_s() const;
  void Unload(const SlotPtr& slot, std::string_view why);
  void Abandon(const Slot& slot);
  void EndProcess(const Slot& slot);
  wire::Caller CallerOf(const chat::Principal& principal) const;

  Executor executor_;
  const Clock& clock_;  // outlives the streams
  EngineStarter& starter_;
  Resolver resolver_;
  FleetOptions options_;
  uint64_t next_engine_ = 1;
  std::map<std::string, SlotPtr> slots_ = {};
  std::shared_ptr<size_t> generating_ = std::make_shared<size_t>(0);  // shared with the streams
  std::map<uint64_t, ExitPtr> exits_ = {};         // of engines that have not ended
  std::map<std::string, uint64_t> restarts_ = {};  // bounded by the models that there are
  std::map<std::string, uint64_t> measured_ = {};  // bytes by Slot::footprint; bounded
  std::map<std::string, Duration> loads_ = {};     // what the last took; bounded by the models
};

}  // namespace weir::backends
