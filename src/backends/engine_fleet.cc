#include "backends/engine_fleet.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "async/deadline.h"
#include "async/loop.h"
#include "backends/engine_slot.h"
#include "base/check.h"
#include "base/log.h"
#include "base/size_text.h"

namespace weir::backends {
namespace {

constexpr Duration kRetryAfterFailure = std::chrono::seconds(1);
constexpr Duration kRetryAfterFailureMax = std::chrono::minutes(5);
constexpr int64_t kKeepAliveMsMax = int64_t{366} * 24 * 3600 * 1000;
// An engine that has been used is asked for its size when it is idle, at most so often.
constexpr auto kMeasureInterval = std::chrono::seconds(10);

// FNV-1a over the salt and the text: engines keep tenants and clients apart by it and learn no
// name.
uint64_t Keyed(uint64_t salt, std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u ^ salt;
  for (const char c : text) {
    hash ^= static_cast<uint8_t>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

Error Stopped(const std::string& model) {
  return {Code::kUnavailable, fmt::format("'{}' was stopped", model), {}, "model_stopped"};
}

Duration KeepAliveOf(int64_t milliseconds) {
  return std::chrono::milliseconds(std::clamp<int64_t>(milliseconds, -1, kKeepAliveMsMax));
}

}  // namespace

std::string_view EngineStateName(EngineState state) {
  switch (state) {
    case EngineState::kLoading:
      return "loading";
    case EngineState::kReady:
      return "ready";
    case EngineState::kFailed:
      return "failed";
  }
  CHECK(false, "engine state out of range");
}

// A request's hold on an engine: while one is there, the engine stays. It is taken before the model
// is loaded, so that what was loaded for a request is still there when the request goes on.
class EngineFleet::Lease {
 public:
  Lease(const Clock& clock, SlotPtr slot)
      : clock_(clock), slot_(std::move(slot)), since_(clock.Now()) {
    if (slot_->users++ == 0) slot_->busy_since = since_;
  }
  ~Lease() {
    CHECK(slot_->users > 0, "a lease is given back once");
    --slot_->users;
    slot_->last_used = clock_.Now();
    slot_->used = true;
    slot_->leases.Measured(1, slot_->last_used - since_);
    if (slot_->users == 0) slot_->changed.Set();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  EngineConnection& connection() { return *slot_->connection; }
  void Keep(Duration keep_alive, bool pinned) {
    slot_->keep_alive = keep_alive;
    slot_->pinned = pinned;
  }

 private:
  const Clock& clock_;
  const SlotPtr slot_;
  const MonotonicTime since_;
};

class EngineFleet::LeasedStream final : public EventStream {
 public:
  LeasedStream(std::shared_ptr<Lease> lease, std::unique_ptr<EventStream> stream,
               std::shared_ptr<size_t> running)
      : lease_(std::move(lease)), stream_(std::move(stream)), running_(std::move(running)) {
    ++*running_;
  }
  ~LeasedStream() override { --*running_; }
  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override {
    return stream_->Next(patience);
  }

 private:
  std::shared_ptr<Lease> lease_;  // goes last: the stream cancels through its connection
  std::unique_ptr<EventStream> stream_;
  std::shared_ptr<size_t> running_;
};

EngineFleet::EngineFleet(const Executor& executor, const Clock& clock, EngineStarter& starter,
                         Resolver resolver, FleetOptions options)
    : executor_(executor),
      clock_(clock),
      starter_(starter),
      resolver_(std::move(resolver)),
      options_(options) {}

EngineFleet::~EngineFleet() = default;

Task<Result<std::unique_ptr<EventStream>>> EngineFleet::Generate(
    const chat::Principal& principal, std::string model, const chat::GenerateRequest& request) {
  const wire::Caller caller = CallerOf(principal);
  auto lease = co_await Acquire(std::move(model), request.keep_alive_ms);
  if (!lease) co_return std::unexpected(lease.error());
  auto stream = (*lease)->connection().Generate(caller, request);
  co_return std::make_unique<LeasedStream>(std::move(*lease), std::move(stream), generating_);
}

Task<Result<chat::Embeddings>> EngineFleet::Embed(const chat::Principal& principal,
                                                  std::string model,
                                                  const chat::EmbedRequest& request) {
  const wire::Caller caller = CallerOf(principal);
  auto lease = co_await Acquire(std::move(model), request.keep_alive_ms);
  if (!lease) co_return std::unexpected(lease.error());
  co_return co_await (*lease)->connection().Embed(caller, request);
}

Task<Result<chat::Scores>> EngineFleet::Score(const chat::Principal& principal, std::string model,
                                              const chat::ScoreRequest& request) {
  const wire::Caller caller = CallerOf(principal);
  auto lease = co_await Acquire(std::move(model), request.keep_alive_ms);
  if (!lease) co_return std::unexpected(lease.error());
  co_return co_await (*lease)->connection().Score(caller, request);
}

Task<Result<wire::Tokens>> EngineFleet::Tokenize(std::string model, wire::Tokenize request) {
  auto lease = co_await Acquire(std::move(model), std::nullopt);
  if (!lease) co_return std::unexpected(lease.error());
  co_return co_await (*lease)->connection().Tokenize(std::move(request));
}

Task<Result<wire::Text>> EngineFleet::Detokenize(std::string model, wire::Detokenize request) {
  auto lease = co_await Acquire(std::move(model), std::nullopt);
  if (!lease) co_return std::unexpected(lease.error());
  co_return co_await (*lease)->connection().Detokenize(std::move(request));
}

Task<Result<wire::EngineInfo>> EngineFleet::Preload(std::string model,
                                                    std::optional<int64_t> keep_alive_ms) {
  auto lease = co_await Acquire(std::move(model), std::nullopt);
  if (!lease) co_return std::unexpected(lease.error());
  if (keep_alive_ms) (*lease)->Keep(KeepAliveOf(*keep_alive_ms), *keep_alive_ms < 0);
  co_return (*lease)->connection().info();
}

Task<Result<std::shared_ptr<EngineFleet::Lease>>> EngineFleet::Acquire(
    std::string model, std::optional<int64_t> keep_alive_ms) {
  // Bounded: an engine that dies again and again is the launcher's to give up on.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Result<SlotPtr> found = SlotFor(model);
    if (!found) co_return std::unexpected(found.error());
    const SlotPtr& slot = *found;
    auto lease = std::make_shared<Lease>(clock_, slot);
    while (slot->state == EngineState::kLoading && !slot->stopped) {
      slot->changed.Reset();
      const Result<void> changed = co_await slot->changed.Wait();
      if (!changed) co_return std::unexpected(changed.error());
    }
    if (slot->stopped) co_return Fail(Stopped(model));
    if (slot->state == EngineState::kFailed) co_return Fail(FailureOf(*slot));
    if (slot->connection->Gone().is_set()) continue;
    if (keep_alive_ms && !slot->pinned) slot->keep_alive = KeepAliveOf(*keep_alive_ms);
    co_return lease;
  }
  co_return Fail(Code::kUnavailable, fmt::format("'{}' does not stay loaded; try again", model), {},
                 "backend_failed");
}

Result<EngineFleet::SlotPtr> EngineFleet::SlotFor(const std::string& model) {
  const auto found = slots_.find(model);
  if (found == slots_.end()) return NewSlot(model);
  const SlotPtr slot = found->second;
  if (slot->state == EngineState::kFailed) {
    if (clock_.Now() < slot->retry_at) return slot;
    slots_.erase(found);
    return NewSlot(model);
  }
  return slot->connection && slot->connection->Gone().is_set() ? Replace(slot) : slot;
}

Result<EngineFleet::SlotPtr> EngineFleet::NewSlot(const std::string& model, const Slot* replaced) {
  Result<ModelFile> file = resolver_(model);
  if (!file) return std::unexpected(file.error());
  const auto slot = std::make_shared<Slot>(executor_, model);
  slot->file = std::move(*file);
  slot->footprint = FootprintOf(model, slot->file);
  slot->keep_alive = slot->file.keep_alive.value_or(options_.keep_alive);
  slot->pinned = slot->file.keep_alive && *slot->file.keep_alive < Duration::zero();
  if (replaced != nullptr) {
    slot->keep_alive = replaced->keep_alive;
    slot->pinned = replaced->pinned;
  }
  slot->after = replaced ? replaced->exit : nullptr;
  slot->begun = slot->last_used = clock_.Now();
  if (auto room = MakeRoom(*slot); !room) return std::unexpected(room.error());
  slots_[model] = slot;
  Spawn(executor_, "load model", Load(slot));
  return slot;
}

// In the place of a slot whose engine is gone. Either whoever watches the engine or the next
// request comes first; the other finds it done.
Result<EngineFleet::SlotPtr> EngineFleet::Replace(const SlotPtr& old) {
  Abandon(*old);
  slots_.erase(old->model);
  ++restarts_[old->model];
  return NewSlot(old->model, old.get());
}

// Loading goes on when the request that wanted it leaves: the next one finds it done.
Task<void> EngineFleet::Load(SlotPtr slot) {
  LogInfo("loading {}", slot->model);
  const Result<wire::EngineInfo> info = co_await StartAndLoad(slot);
  if (info) {
    slot->state = EngineState::kReady;
    slot->last_used = clock_.Now();
    loads_[slot->model] = slot->last_used - slot->begun;
    LogInfo("loaded {} in {:.0f} ms, {}", slot->model, info->load_ms, SizeText(info->memory_bytes));
    Remember(*slot);
    GiveBack(*slot);
    Spawn(executor_, "watch engine", Watch(slot));
    Spawn(executor_, "unload when idle", UnloadWhenIdle(slot));
  } else {
    slot->state = EngineState::kFailed;
    slot->error = info.error();
    slot->retry_at =
        clock_.Now() + std::clamp<Duration>(std::chrono::seconds(slot->error.retry_after_s),
                                            kRetryAfterFailure, kRetryAfterFailureMax);
    LogWarning("{} did not load: {}", slot->model, slot->error.message);
    Abandon(*slot);
  }
  slot->changed.Set();
}

// Whoever stops the model meanwhile leaves the rest to this: there may be no process yet that could
// be ended.
Task<Result<wire::EngineInfo>> EngineFleet::StartAndLoad(SlotPtr slot) {
  if (auto ended = co_await WaitForEnd(slot); !ended) co_return std::unexpected(ended.error());
  if (auto freed = co_await WaitForMemory(slot); !freed) co_return std::unexpected(freed.error());
  if (slot->stopped) co_return Fail(Stopped(slot->model));
  slot->engine = next_engine_++;
  slot->exit = exits_[slot->engine] = std::make_shared<Exit>(executor_);
  Result<Fd> socket = co_await starter_.Start(slot->engine, slot->file.files);
  if (!socket) {
    exits_.erase(std::exchange(slot->engine, 0));
    co_return std::unexpected(socket.error());
  }
  if (slot->stopped) co_return Fail(Stopped(slot->model));
  slot->connection =
      EngineConnection::Open(executor_, socket->Release(), slot->model, options_.step_timeout);
  wire::EngineSettings settings = slot->file.settings;
  settings.model_name = slot->model;
  const auto path_of = [](size_t file) {
    return fmt::format("/proc/self/fd/{}", static_cast<size_t>(wire::kEngineFileFdFirst) + file);
  };
  settings.model_path = path_of(0);
  size_t files = slot->file.files.size();
  if (slot->file.has_projector) settings.projector_path = path_of(--files);
  for (size_t file = 1; file < files; ++file) settings.adapter_paths.push_back(path_of(file));
  const auto info = co_await slot->connection->Load(std::move(settings), options_.load_timeout);
  if (slot->stopped) co_return Fail(Stopped(slot->model));
  co_return info;
}

// The memory of the one before may be needed, and with its end the launcher says whether the model
// may be started again.
Task<Result<void>> EngineFleet::WaitForEnd(SlotPtr slot) {
  if (!slot->after) co_return Result<void>();
  const ExitPtr exit = slot->after;
  const Result<void> ended = co_await exit->happened.WaitUntil(SystemClock().Now() + kExitPatience);
  if (!ended) LogWarning("the last engine of {} does not end", slot->model);
  if (!ended || exit->report.retry_after_ms == 0) co_return Result<void>();
  HoldBack(*slot, exit->report);
  co_return Fail(slot->error);
}

void EngineFleet::HoldBack(Slot& slot, const wire::EngineExited& exited) {
  const std::chrono::milliseconds wait(exited.retry_after_ms);
  slot.error = {Code::kUnavailable,
                fmt::format("the engine of '{}' failed {} times lately, last: {}", slot.model,
                            exited.failures, exited.how),
                {},
                "engine_failed"};
  slot.error.retry_after_s =
      static_cast<int>(std::chrono::ceil<std::chrono::seconds>(wait).count());
  slot.retry_at = clock_.Now() + wait;
}

// With the time that is left now.
Error EngineFleet::FailureOf(const Slot& slot) const {
  Error error = slot.error;
  if (error.retry_after_s == 0) return error;
  const Duration left = std::max<Duration>(slot.retry_at - clock_.Now(), Duration(1));
  error.retry_after_s = static_cast<int>(std::chrono::ceil<std::chrono::seconds>(left).count());
  error.message += fmt::format("; it is tried again in {} s", error.retry_after_s);
  return error;
}

// An engine that died comes back by itself, so that the next request need not wait. The launcher
// bounds how often.
Task<void> EngineFleet::Watch(SlotPtr slot) {
  const Result<void> gone = co_await slot->connection->Gone().Wait();
  if (!gone || slot->stopped) co_return;
  LogWarning("the engine of {} is gone", slot->model);
  slot->changed.Set();
  const auto found = slots_.find(slot->model);
  if (found == slots_.end() || found->second != slot) co_return;
  if (auto again = Replace(slot); !again) {
    LogWarning("{} is not loaded again: {}", slot->model, again.error().message);
  }
}

Task<void> EngineFleet::UnloadWhenIdle(SlotPtr slot) {
  while (!slot->stopped && !slot->connection->Gone().is_set()) {
    std::optional<MonotonicTime> until;  // nothing to time: leases and Stop set the event
    if (slot->users == 0) {
      if (slot->used) {
        until = slot->measured_at ? *slot->measured_at + kMeasureInterval : clock_.Now();
        if (clock_.Now() >= *until) {
          co_await Measure(slot);
          continue;
        }
      }
      if (slot->keep_alive >= Duration::zero()) {
        const MonotonicTime unload = slot->last_used + slot->keep_alive;
        if (clock_.Now() >= unload) {
          Unload(slot, "idle");
          co_return;
        }
        until = std::min(until.value_or(unload), unload);
      }
    }
    slot->changed.Reset();
    const Result<void> changed =
        until ? co_await slot->changed.WaitUntil(*until) : co_await slot->changed.Wait();
    if (!changed && changed.error().code == Code::kCancelled) co_return;
  }
}

void EngineFleet::Unload(const SlotPtr& slot, std::string_view why) {
  if (slot->stopped) return;
  LogInfo("unloading {}: {}", slot->model, why);
  slot->stopped = true;
  EndProcess(*slot);
  slot->changed.Set();
  const auto found = slots_.find(slot->model);
  if (found != slots_.end() && found->second == slot) slots_.erase(found);
}

// Of no further use. What is left of it goes at once, and the launcher counts a failure.
void EngineFleet::Abandon(const Slot& slot) {
  if (slot.stopped) return EndProcess(slot);
  if (slot.exit) slot.exit->leaving_bytes = Held(slot);
  if (slot.engine != 0) starter_.Kill(slot.engine);
  if (slot.connection) slot.connection->Close();
}

// The launcher hears of it first: an engine whose socket closes ends by itself, and an end that
// nobody asked for is a failure.
void EngineFleet::EndProcess(const Slot& slot) {
  if (slot.exit) slot.exit->leaving_bytes = Held(slot);
  if (slot.engine != 0) starter_.Stop(slot.engine, options_.stop_grace);
  if (slot.connection) slot.connection->Close();
}

Result<void> EngineFleet::Stop(const std::string& model) {
  const auto found = slots_.find(model);
  if (found == slots_.end()) {
    return Fail(Code::kNotFound, fmt::format("'{}' is not loaded", model), "model", "not_loaded");
  }
  Unload(SlotPtr(found->second), "asked to");
  return {};
}

void EngineFleet::StopAll() {
  while (!slots_.empty()) Unload(SlotPtr(slots_.begin()->second), "shutting down");
}

Task<std::vector<EngineStatus>> EngineFleet::Status() {
  std::vector<EngineStatus> lines;
  const auto slots = slots_;
  for (const auto& [name, slot] : slots) {
    EngineStatus line{.model = name, .state = slot->state, .pinned = slot->pinned};
    if (slot->state == EngineState::kReady) {
      line.info = slot->connection->info();
      const MonotonicTime deadline = SystemClock().Now() + kStatsPatience;
      const auto stats = co_await WithDeadline(deadline, slot->connection->QueryStats());
      line.stats = slot->connection->stats();
      line.answers = stats.has_value();
    }
    if (const auto found = restarts_.find(name); found != restarts_.end()) {
      line.restarts = found->second;
    }
    if (slot->state != EngineState::kFailed) line.memory_bytes = Held(*slot);
    if (slot->connection) line.loading = slot->connection->loading();
    line.open_requests = slot->users;
    const bool times_out = slot->state == EngineState::kReady && slot->users == 0 &&
                           slot->keep_alive >= Duration::zero();
    if (times_out) {
      line.unloads_in =
          std::max<Duration>(slot->last_used + slot->keep_alive - clock_.Now(), Duration::zero());
    }
    if (slot->state == EngineState::kFailed) {
      line.last_error = slot->error.message;
      line.retry_in = std::max<Duration>(slot->retry_at - clock_.Now(), Duration::zero());
    }
    lines.push_back(std::move(line));
  }
  co_return lines;
}

void EngineFleet::OnEngineExited(const wire::EngineExited& exited) {
  for (const auto& [name, slot] : slots_) {
    if (slot->engine != exited.engine) continue;
    if (!exited.stopped) LogWarning("the engine of {} ended: {}", name, exited.how);
    if (slot->connection) {
      slot->connection->Close({Code::kBackendFailed,
                               fmt::format("the engine of '{}' ended; try again", name),
                               {},
                               "backend_failed"});
    }
    if (slot->state == EngineState::kFailed && exited.retry_after_ms > 0) HoldBack(*slot, exited);
  }
  const auto found = exits_.find(exited.engine);
  if (found == exits_.end()) return;
  found->second->report = exited;
  found->second->happened.Set();
  exits_.erase(found);
}

// A client is who a request says that it comes from, else the connection. Without a key that is all
// that is known of anybody, so each client counts as a key.
wire::Caller EngineFleet::CallerOf(const chat::Principal& principal) const {
  const std::string client =
      principal.user.empty() ? "peer\n" + principal.peer : "user\n" + principal.user;
  const std::string& key = principal.key_id.empty() ? client : principal.key_id;
  const auto keyed = [&](const std::string& text) {
    return Keyed(options_.salt, principal.tenant + '\n' + text);
  };
  return {Keyed(options_.salt, principal.tenant), keyed(key), keyed(key + '\n' + client)};
}

}  // namespace weir::backends
