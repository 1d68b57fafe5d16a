#include "backends/door.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "async/deadline.h"
#include "async/loop.h"
#include "async/spawn.h"
#include "base/log.h"

namespace weir::backends {
namespace {

constexpr Duration kGreetPatience = std::chrono::seconds(10);
constexpr Duration kRetryWait = std::chrono::seconds(1);  // when the launcher names no time

}  // namespace

struct Door::State {
  State(const Executor& on, const Clock& with, EngineStarter& by)
      : executor(on), clock(with), starter(by), changed(on) {}

  Executor executor;
  const Clock& clock;
  EngineStarter& starter;
  Event changed;  // opened, closed, or another policy
  DoorPolicy policy = {};
  uint64_t generation = 0;  // of the policy
  uint64_t next_id = wire::kDoorIdFirst;
  std::shared_ptr<OpenDoor> open = {};
  std::vector<std::weak_ptr<DoorConnection>> connections = {};  // also those that only end
  std::string problem = {};
  wire::EgressReady ready = {};
  uint64_t starts = 0;
  bool mismatch_told = false;
  bool ended = false;

  void Announce() {
    changed.Set();
    changed.Reset();
  }
  void Close(std::string why) {
    open.reset();
    problem = std::move(why);
    Announce();
  }
};

namespace {

// Greets a new egress process; an Error says why it cannot be used.
template <class State>
Task<Result<std::shared_ptr<OpenDoor>>> OpenNew(State& state) {
  auto socket = co_await state.starter.Start(state.next_id++, {});
  if (!socket) co_return std::unexpected(socket.error());
  ++state.starts;
  auto connection = DoorConnection::Open(state.executor, socket->Release());
  std::erase_if(state.connections, [](const auto& known) { return known.expired(); });
  state.connections.push_back(connection);
  const std::string mac_key = privacy::NewMacKey();
  auto ready =
      co_await WithDeadline(state.clock.Now() + kGreetPatience, connection->Greet(mac_key));
  if (!ready) {
    connection->Close();
    co_return std::unexpected(ready.error());
  }
  if (ready->policy_hash != state.policy.policy_hash) {
    connection->Close();
    co_return Fail(Code::kConflict, "the egress process has read another configuration", "",
                   "door_policy");
  }
  state.ready = *ready;
  co_return std::make_shared<OpenDoor>(
      connection,
      privacy::PermitOffice(state.policy.destinations, state.policy.policy_hash, mac_key));
}

// A connection that is no longer in use ends when its last call has.
Task<void> CloseWhenIdle(std::shared_ptr<OpenDoor> old) {
  while (old.use_count() > 1 || old->connection->open_calls() > 0) {
    if (!co_await SleepFor(std::chrono::milliseconds(200))) break;
  }
  old->connection->Close();
}

}  // namespace

Door::Door(const Executor& executor, const Clock& clock, EngineStarter& starter)
    : state_(std::make_shared<State>(executor, clock, starter)) {}

Door::~Door() {
  state_->ended = true;
  state_->changed.Abandon();
  for (const auto& known : std::exchange(state_->connections, {})) {
    if (const auto connection = known.lock()) connection->Abandon();
  }
}

void Door::Use(DoorPolicy policy) {
  State& state = *state_;
  state.policy = std::move(policy);
  const uint64_t generation = ++state.generation;
  if (auto old = std::exchange(state.open, nullptr)) {
    Spawn(state.executor, "door closes", CloseWhenIdle(std::move(old)));
  }
  if (state.policy.destinations.empty()) return state.Close("no backend needs it");
  state.Close("it is being opened");
  Spawn(state.executor, "door", Keep(state_, generation));
}

// Opens the door of one policy, again and again, until another policy comes.
Task<void> Door::Keep(std::shared_ptr<State> state, uint64_t generation) {
  while (!state->ended && state->generation == generation) {
    auto opened = co_await OpenNew(*state);
    if (state->ended || state->generation != generation) {
      if (opened) (*opened)->connection->Close();
      co_return;
    }
    if (!opened) {
      if (opened.error().code == Code::kCancelled) co_return;
      LogError("the door does not open: {}", opened.error().message);
      state->Close(opened.error().message);
      const bool mismatch = opened.error().reason == "door_policy";
      // It was started before a reload was taken. The next one reads what is in force.
      if (mismatch && !std::exchange(state->mismatch_told, true)) continue;
      const Duration wait =
          std::max<Duration>(std::chrono::seconds(opened.error().retry_after_s), kRetryWait);
      if (!co_await SleepFor(wait)) co_return;
      continue;
    }
    state->mismatch_told = false;
    state->open = *opened;
    state->problem.clear();
    state->Announce();
    auto connection = (*opened)->connection;
    opened->reset();
    if (auto gone = co_await connection->Gone().Wait(); !gone) co_return;
    if (state->generation == generation) state->Close("it ended and is started again");
  }
}

Task<Result<std::shared_ptr<OpenDoor>>> Door::Get() {
  const auto state = state_;
  const MonotonicTime until = state->clock.Now() + kPatience;
  while (!state->open) {
    if (state->policy.destinations.empty()) break;
    if (auto changed = co_await state->changed.WaitUntil(until); !changed) {
      if (changed.error().code == Code::kCancelled) co_return std::unexpected(changed.error());
      break;
    }
  }
  if (state->open) co_return state->open;
  Error error{Code::kUnavailable, "the door to other machines is closed: " + state->problem, "",
              "door_closed"};
  error.retry_after_s = 2;
  co_return std::unexpected(std::move(error));
}

DoorStatus Door::Status() const {
  return {.wanted = !state_->policy.destinations.empty(),
          .open = state_->open != nullptr,
          .problem = state_->problem,
          .ready = state_->open ? state_->ready : wire::EgressReady{},
          .starts = state_->starts};
}

}  // namespace weir::backends
