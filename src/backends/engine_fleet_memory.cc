// How the fleet keeps within its memory: what each engine holds, who gives way, who waits.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "async/deadline.h"
#include "backends/engine_fleet.h"
#include "backends/engine_slot.h"
#include "backends/eviction.h"
#include "base/log.h"
#include "base/size_text.h"

namespace weir::backends {
namespace {

constexpr size_t kMeasuredMax = 1000;  // models and settings whose size is remembered

}  // namespace

std::string EngineFleet::FootprintOf(const std::string& model, const ModelFile& file) {
  wire::EngineSettings settings = file.settings;
  settings.defaults = {};  // of requests, and not small
  wire::Writer writer;
  writer(model, file.files, settings);
  return writer.Take();
}

// Measured at the last time, without the prefixes that were kept: a new engine has none.
uint64_t EngineFleet::Expected(const Slot& slot) const {
  const auto found = measured_.find(slot.footprint);
  return found == measured_.end() ? slot.file.memory_likely : found->second;
}

// An engine that is new has not touched yet what it will work in.
uint64_t EngineFleet::Held(const Slot& slot) const {
  if (!slot.connection || slot.state != EngineState::kReady) return Expected(slot);
  const auto found = measured_.find(slot.footprint);
  return std::max({slot.connection->info().memory_bytes, slot.connection->stats().memory_bytes,
                   found == measured_.end() ? 0 : found->second});
}

void EngineFleet::Remember(const Slot& slot) {
  const wire::EngineStats& stats = slot.connection->stats();
  const uint64_t kept = std::min(stats.host_bytes, stats.memory_bytes);
  const uint64_t bytes = std::max(slot.connection->info().memory_bytes, stats.memory_bytes - kept);
  if (bytes == 0) return;  // its system does not tell
  if (measured_.size() >= kMeasuredMax && !measured_.contains(slot.footprint)) {
    measured_.erase(measured_.begin());
  }
  uint64_t& most = measured_[slot.footprint];
  most = std::max(most, bytes);
}

// The first requests touch memory that loading only reserved, and kept prefixes take some.
Task<void> EngineFleet::Measure(SlotPtr slot) {
  slot->used = false;
  slot->measured_at = clock_.Now();
  const MonotonicTime deadline = SystemClock().Now() + kStatsPatience;
  const auto stats = co_await WithDeadline(deadline, slot->connection->QueryStats());
  if (!stats || slot->stopped) co_return;
  Remember(*slot);
  GiveBack(*slot);
}

std::vector<EngineFleet::SlotPtr> EngineFleet::WithProcess() const {
  std::vector<SlotPtr> slots;
  for (const auto& [name, slot] : slots_) {
    if (slot->state != EngineState::kFailed) slots.push_back(slot);
  }
  return slots;
}

LoadedEngine EngineFleet::AsLoaded(const Slot& slot) const {
  LoadedEngine engine{.bytes = Held(slot)};
  engine.may_go = slot.state == EngineState::kReady && slot.users == 0 && !slot.pinned;
  if (slot.state != EngineState::kReady) return engine;
  engine.load = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::milli>(slot.connection->info().load_ms));
  engine.idle = clock_.Now() - slot.last_used;
  return engine;
}

FleetMemory EngineFleet::memory() const {
  FleetMemory memory{.max = options_.memory_max, .is_guess = options_.memory_is_guess};
  for (const SlotPtr& slot : WithProcess()) memory.used += Held(*slot);
  return memory;
}

Residence EngineFleet::ResidenceOf(const std::string& model) const {
  const auto found = slots_.find(model);
  const auto known = loads_.find(model);
  Residence residence;
  if (known != loads_.end()) residence.load = residence.took = known->second;
  if (found == slots_.end()) return residence;
  const Slot& slot = *found->second;
  residence.open = slot.users;
  if (slot.state == EngineState::kReady) residence.load = Duration::zero();
  if (slot.state == EngineState::kLoading && residence.load) {
    residence.load = std::max(*residence.load - (clock_.Now() - slot.begun), Duration::zero());
  }
  return residence;
}

// What failed has no process; it is remembered until it may be tried again.
void EngineFleet::ForgetFailures() {
  std::erase_if(slots_, [this](const auto& entry) {
    return entry.second->state == EngineState::kFailed && clock_.Now() >= entry.second->retry_at;
  });
}

// A model that is larger than the bound, but not beyond doubt, is tried when it is alone: the
// operator's bound is held against what the model cannot do without, our own guess against nothing.
Result<void> EngineFleet::MakeRoom(const Slot& wanted) {
  ForgetFailures();
  const uint64_t most = options_.memory_max;
  if (!options_.memory_is_guess && wanted.file.memory_least > most) {
    const auto& why = wanted.file.why_too_large;
    return Fail(Code::kUnavailable,
                fmt::format("'{}' is larger than the {} that models may take{}", wanted.model,
                            SizeText(most), why ? ": " + why(most) : std::string()),
                "model", "model_too_large");
  }
  const uint64_t bytes = std::min(Expected(wanted), most);
  const std::vector<SlotPtr> slots = WithProcess();
  std::vector<LoadedEngine> loaded;
  for (const SlotPtr& slot : slots) loaded.push_back(AsLoaded(*slot));
  const auto gone =
      WhoGivesWay(loaded, bytes, {.bytes_max = most, .engines_max = options_.engines_max});
  if (!gone) return Fail(NoRoom(wanted, bytes));
  for (const size_t i : *gone) Unload(slots[i], fmt::format("'{}' needs its place", wanted.model));
  return {};
}

Error EngineFleet::NoRoom(const Slot& wanted, uint64_t bytes) const {
  const size_t engines = WithProcess().size();
  Error error{Code::kUnavailable, {}, "model", "no_room_for_model"};
  error.message =
      engines >= options_.engines_max
          ? fmt::format("{} models are loaded and busy or pinned, so '{}' has no place", engines,
                        wanted.model)
          : fmt::format(
                "'{}' needs {}, and of the {} for models {} are taken by others that are "
                "busy or pinned",
                wanted.model, SizeText(bytes), SizeText(options_.memory_max),
                SizeText(memory().used));
  error.retry_after_s = PlaceIn_s();
  return error;
}

// Until a busy engine may have nothing to do: what its requests took lately; before the first has
// ended, as long again as it has been busy. 0 where all are pinned.
int EngineFleet::PlaceIn_s() const {
  int least = 0;
  for (const SlotPtr& slot : WithProcess()) {
    if (slot->pinned || slot->users == 0) continue;
    Pace pace = slot->leases;
    if (pace.per_s() == 0) pace.Measured(1, clock_.Now() - slot->busy_since);
    const int after = pace.RetryAfter_s(1);
    least = least == 0 ? after : std::min(least, after);
  }
  return least;
}

// One of them took more than was expected, so others that are idle go.
void EngineFleet::GiveBack(const Slot& grown) {
  const std::vector<SlotPtr> slots = WithProcess();
  std::vector<LoadedEngine> loaded;
  for (const SlotPtr& slot : slots) {
    loaded.push_back(AsLoaded(*slot));
    if (slot.get() == &grown) loaded.back().may_go = false;
  }
  for (const size_t i : CheapestFirst(loaded)) {
    if (memory().used <= options_.memory_max) return;
    Unload(slots[i], fmt::format("'{}' takes more than was expected", grown.model));
  }
}

void EngineFleet::SetBounds(uint64_t memory_max, bool memory_is_guess, size_t engines_max) {
  options_.memory_max = memory_max;
  options_.memory_is_guess = memory_is_guess;
  options_.engines_max = engines_max;
  const std::vector<SlotPtr> slots = WithProcess();
  std::vector<LoadedEngine> loaded;
  for (const SlotPtr& slot : slots) loaded.push_back(AsLoaded(*slot));
  for (const size_t i : CheapestFirst(loaded)) {
    const size_t engines = WithProcess().size();
    // A guess never bound one that is alone.
    const bool fits =
        memory().used <= options_.memory_max || (options_.memory_is_guess && engines == 1);
    if (fits && engines <= options_.engines_max) return;
    Unload(slots[i], "there is less room for models than before");
  }
}

uint64_t EngineFleet::HeldByLeaving() const {
  uint64_t bytes = 0;
  for (const auto& [engine, exit] : exits_) bytes += exit->leaving_bytes;
  return bytes;
}

// A process that was told to go holds its memory until it has ended.
Task<Result<void>> EngineFleet::WaitForMemory(SlotPtr slot) {
  const MonotonicTime deadline = SystemClock().Now() + kExitPatience;
  while (!slot->stopped && HeldByLeaving() > 0 &&
         memory().used + HeldByLeaving() > options_.memory_max) {
    const auto leaving = std::ranges::find_if(
        exits_, [](const auto& entry) { return entry.second->leaving_bytes > 0; });
    const ExitPtr exit = leaving->second;
    const Result<void> ended = co_await exit->happened.WaitUntil(deadline);
    if (ended) continue;
    if (ended.error().code == Code::kCancelled) co_return std::unexpected(ended.error());
    LogWarning("an engine that was unloaded does not end; {} is loaded beside it", slot->model);
    exit->leaving_bytes = 0;
  }
  co_return Result<void>();
}

}  // namespace weir::backends
