#include "backends/provider_fleet.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <random>
#include <utility>

#include "async/event.h"
#include "async/loop.h"
#include "async/spawn.h"
#include "backends/permits.h"
#include "backends/prefix_hash.h"
#include "backends/provider_errors.h"
#include "backends/provider_place.h"
#include "backends/unread_events.h"
#include "base/check.h"
#include "base/log.h"
#include "chat/answer_times.h"

namespace weir::backends {
namespace {

constexpr Duration kReadOutTime = std::chrono::seconds(1);  // for what follows the last event
constexpr Duration kShortWait = std::chrono::seconds(2);    // where others could take over
// Ten minutes at 128,000 tokens an hour: for more Anthropic's libraries refuse what does not
// stream.
constexpr int32_t kWholeTokensMax = 21'333;
constexpr uint32_t kReplicasTriedMax = 4;  // in one request, each for the first time

// How often one request may be sent.
uint32_t AttemptsMax(const ProviderTarget& target) {
  return static_cast<uint32_t>(target.retries) + std::min(target.replicas, kReplicasTriedMax);
}

bool IsContent(const chat::Event& event) {
  return !std::holds_alternative<chat::Started>(event) &&
         !std::holds_alternative<chat::Progress>(event);
}

}  // namespace

struct ProviderFleet::State {
  State(const Executor& on, const Clock& with, Door& through, EdgeServers& of,
        ProviderFleetOptions with_options)
      : executor(on),
        clock(with),
        door(&through),
        servers(of),
        options(with_options),
        random(options.seed) {}

  Executor executor;
  const Clock& clock;
  Door* door;  // null when the fleet is gone
  EdgeServers& servers;
  ProviderFleetOptions options;
  std::mt19937_64 random;
  std::map<std::string, std::shared_ptr<ProviderPlace>, std::less<>> places = {};

  // Whether any target of it was ever answered well.
  bool HasAnswered(std::string_view backend) const {
    return std::ranges::any_of(places, [backend](const auto& item) {
      return item.second->target.backend == backend && item.second->answered;
    });
  }
  bool MayAsk(const ProviderPlace& place) const {
    return servers.MayAsk(place.target.backend) && place.MayAsk(clock.Now());
  }

  // Half fixed, half drawn: many that failed together do not come back together.
  Duration Backoff(int attempt) {
    Duration wait = options.backoff_first;
    for (int i = 0; i < attempt && wait < options.backoff_max; ++i) wait *= 2;
    wait = std::min(wait, options.backoff_max);
    const auto half = wait.count() / 2;
    return Duration(half + static_cast<int64_t>(random() % static_cast<uint64_t>(half + 1)));
  }
};

// One generation, between the coroutine that works on it and the stream that is read.
struct ProviderFleet::Answering {
  Answering(const Executor& executor, std::shared_ptr<ProviderPlace> at, ProviderAsk asked)
      : place(std::move(at)),
        ask(std::move(asked)),
        timeouts(place->target.timeouts),
        tried(place->replicas.size()),
        changed(executor),
        events(executor) {}

  std::shared_ptr<ProviderPlace> place;
  ProviderAsk ask;
  wire::EgressTimeouts timeouts;
  ProviderPlace::Tried tried;
  std::shared_ptr<const chat::ProviderCall> call = {};
  std::vector<std::unique_ptr<chat::ProviderAnswer>> readers = {};  // one for each attempt
  size_t prefix_hash = 0;
  uint32_t replica = 0;  // in use, while seated
  bool seated = false;
  bool end_unread = false;               // the last event came before the end of the body
  bool answered = false;                 // something of the content was given
  bool may_have_cost = false;            // the provider may have worked on it
  size_t attempt = 0;                    // the last one that was sent
  std::vector<chat::Event> before = {};  // what came before any content
  std::optional<Error> error = {};
  bool done = false;
  std::vector<std::string> notes = {};
  Event changed;  // something came
  UnreadEvents events;

  void Give(std::vector<chat::Event>& fresh) {
    for (chat::Event& event : fresh) {
      if (!answered && !IsContent(event)) {
        before.push_back(std::move(event));
        continue;
      }
      if (!std::exchange(answered, true)) {
        for (chat::Event& early : before) events.Put(std::move(early));
      }
      done |= std::holds_alternative<chat::Done>(event);
      events.Put(std::move(event));
    }
    fresh.clear();
    changed.Set();
  }
  void Fail(Error why) {
    error = AsBackendError(std::move(why), place->target.name);
    changed.Set();
  }
  std::move_only_function<void()> HandOverSeat() {  // to whoever calls it
    seated = false;
    return [at = place, number = replica] {
      --at->replicas[number].running;
      at->WakeNext();
    };
  }
  void Leave() {
    if (seated) HandOverSeat()();
  }
};

struct ProviderFleet::Attempted {  // how one attempt ended
  std::optional<Error> error = {};
  std::string note = {};
};

class ProviderFleet::Stream final : public EventStream {
 public:
  Stream(std::shared_ptr<Answering> answering, CancelHandle work)
      : answering_(std::move(answering)), work_(std::move(work)) {}
  ~Stream() override { work_.Cancel(); }

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override {
    Answering& state = *answering_;
    if (patience > Duration::zero() && state.events.empty() && !state.error) {
      state.changed.Reset();
      const auto changed = co_await state.changed.WaitUntil(SystemClock().Now() + patience);
      if (!changed && changed.error().code != Code::kDeadlineExceeded) {
        co_return std::unexpected(changed.error());
      }
    }
    if (auto event = state.events.Take()) co_return event;
    if (state.error) co_return std::unexpected(*state.error);
    co_return std::nullopt;
  }
  std::vector<std::string> TakeNotes() override { return std::exchange(answering_->notes, {}); }
  Metered Meter() const override {
    return {answering_->may_have_cost, answering_->readers[answering_->attempt]->Reported()};
  }

 private:
  std::shared_ptr<Answering> answering_;
  CancelHandle work_;
};

ProviderFleet::ProviderFleet(const Executor& executor, const Clock& clock, Door& door,
                             EdgeServers& servers, ProviderFleetOptions options)
    : state_(std::make_shared<State>(executor, clock, door, servers, options)) {}

ProviderFleet::~ProviderFleet() { state_->door = nullptr; }

void ProviderFleet::Use(std::vector<ProviderTarget> targets) {
  std::map<std::string, std::shared_ptr<ProviderPlace>, std::less<>> places;
  for (ProviderTarget& target : targets) {
    CHECK(target.dialect != nullptr && target.replicas > 0, "a target has a dialect and a place");
    const auto known = state_->places.find(target.name);
    const std::string name = target.name;
    const bool same = known != state_->places.end() && known->second->target == target;
    places[name] = same ? known->second : std::make_shared<ProviderPlace>(std::move(target));
  }
  state_->places = std::move(places);
}

void ProviderFleet::Forgive(std::string_view backend) {
  for (const auto& [name, place] : state_->places) {
    if (place->target.backend == backend) place->Forgive();
  }
}

Result<std::shared_ptr<ProviderFleet::Answering>> ProviderFleet::Begin(const ProviderAsk& ask) {
  const auto found = state_->places.find(ask.target);
  if (found == state_->places.end()) {
    return Fail(Code::kUnavailable, fmt::format("target '{}' is no longer there", ask.target), "",
                "target_gone");
  }
  return std::make_shared<Answering>(state_->executor, found->second, ask);
}

Result<std::unique_ptr<EventStream>> ProviderFleet::Generate(const ProviderAsk& ask,
                                                             const chat::GenerateRequest& request) {
  auto begun = Begin(ask);
  if (!begun) return std::unexpected(begun.error());
  std::shared_ptr<Answering> answering = std::move(*begun);
  const ProviderTarget& target = answering->place->target;
  if (target.dialect->write == nullptr) {
    return Fail(AtTarget(
        {Code::kUnprocessable, "its provider has no chats", "model", "not_supported_by_target"},
        target.name));
  }
  const bool whole =
      ask.whole && target.whole_ms && request.max_tokens.value_or(0) <= kWholeTokensMax;
  if (whole) answering->timeouts.first_byte_ms = *target.whole_ms;
  auto call = target.dialect->write(request, target.model, target.quirks, /*stream=*/!whole);
  if (!call) return std::unexpected(AtTarget(std::move(call.error()), target.name));
  answering->call = std::make_shared<const chat::ProviderCall>(std::move(*call));
  answering->prefix_hash = PrefixHash(request);
  for (uint32_t i = 0; i < AttemptsMax(target); ++i) {
    answering->readers.push_back(target.dialect->read(request, *answering->call, target.quirks));
  }
  CancelHandle work = Spawn(state_->executor, "provider", Run(state_, answering));
  return std::make_unique<Stream>(std::move(answering), std::move(work));
}

Task<Result<void>> ProviderFleet::AskWhole(ProviderAsk ask, const WriteWhole& write,
                                           std::vector<std::string>& notes) {
  auto begun = Begin(ask);
  if (!begun) co_return std::unexpected(begun.error());
  std::shared_ptr<Answering> answering = std::move(*begun);
  const ProviderTarget& target = answering->place->target;
  auto whole = write(target);
  if (!whole) co_return std::unexpected(std::move(whole.error()));
  answering->call = std::make_shared<const chat::ProviderCall>(std::move(whole->call));
  answering->prefix_hash = std::hash<std::string>()(ask.request_id);  // no prefix: any replica
  for (uint32_t i = 0; i < AttemptsMax(target); ++i) {
    answering->readers.push_back(std::make_unique<BodyAnswer>(*target.dialect, whole->read));
  }
  CancelHandle work = Spawn(state_->executor, "provider", Run(state_, answering));
  Stream stream(answering, std::move(work));
  for (;;) {
    const auto event = co_await stream.Next(std::chrono::hours(1));
    const bool done = event && *event && std::holds_alternative<chat::Done>(**event);
    if (!event || done) notes = stream.TakeNotes();
    if (!event) co_return std::unexpected(event.error());
    if (done) co_return Result<void>();
  }
}

namespace {

// Gives the seat back however the coroutine ends.
template <class Answering>
class SeatKeeper {
 public:
  explicit SeatKeeper(Answering& answering) : answering_(answering) {}
  ~SeatKeeper() { answering_.Leave(); }
  SeatKeeper(const SeatKeeper&) = delete;
  SeatKeeper& operator=(const SeatKeeper&) = delete;

 private:
  Answering& answering_;
};

}  // namespace

// `repeats`: of replicas that were asked before. Whether one more attempt is worth it, and after
// which pause.
std::optional<Duration> ProviderFleet::PauseBeforeAgain(State& state, const Answering& answering,
                                                        const Error& error, int32_t repeats) {
  const ProviderPlace& place = *answering.place;
  const MonotonicTime now = state.clock.Now();
  if (answering.answered) return std::nullopt;
  if (place.AnotherIsFree(answering.tried, now)) {
    if (!MayAskAnother(error) || now >= answering.ask.deadline) return std::nullopt;
    return Duration::zero();
  }
  if (repeats >= place.target.retries || !CannotHaveCost(error)) return std::nullopt;
  const Duration wait =
      std::max<Duration>(state.Backoff(repeats), std::chrono::seconds(error.retry_after_s));
  const Duration most = answering.ask.others_left ? kShortWait : state.options.queue_patience;
  if (wait > most || now + wait >= answering.ask.deadline) return std::nullopt;
  return wait;
}

Task<void> ProviderFleet::Run(std::shared_ptr<State> state, std::shared_ptr<Answering> answering) {
  ProviderPlace& place = *answering->place;
  int32_t repeats = 0;
  for (uint32_t attempt = 0;; ++attempt) {
    if (auto seat = co_await TakeSeat(*state, *answering); !seat) {
      co_return answering->Fail(seat.error());
    }
    if (answering->tried[answering->replica]) ++repeats;
    answering->tried[answering->replica] = true;
    Attempted attempted;
    {
      const SeatKeeper keeper(*answering);
      attempted = co_await Attempt(*state, *answering, attempt);
    }
    if (!attempted.error) co_return;
    std::optional<Duration> pause;
    if (attempt + 1 < answering->readers.size()) {
      pause = PauseBeforeAgain(*state, *answering, *attempted.error, repeats);
    }
    answering->notes.push_back(fmt::format("{}{}", attempted.note, pause ? "; tried again" : ""));
    if (!pause) co_return answering->Fail(*attempted.error);
    ++place.retries;
    answering->before.clear();
    if (*pause > Duration::zero() && !co_await SleepFor(*pause)) co_return;
  }
}

Task<Result<void>> ProviderFleet::TakeSeat(State& state, Answering& answering) {
  ProviderPlace& place = *answering.place;
  const MonotonicTime start = state.clock.Now();
  const MonotonicTime until =
      std::min(start + state.options.queue_patience, answering.ask.deadline);
  const auto busy = [&](std::string_view reason, std::string what) {
    Error error{Code::kUnavailable, std::move(what), "", std::string(reason)};
    const MonotonicTime again = place.AskAgainAt();
    const auto wait = std::chrono::ceil<std::chrono::seconds>(again - state.clock.Now()).count();
    error.retry_after_s = static_cast<int>(std::clamp<int64_t>(wait, 1, 300));
    return Result<void>(std::unexpected(std::move(error)));
  };
  std::shared_ptr<Event> turn;
  const auto leave = [&] { std::erase(place.waiting, turn); };
  for (;;) {
    const MonotonicTime now = state.clock.Now();
    const bool my_turn = place.waiting.empty() || (turn && place.waiting.front() == turn);
    if (my_turn) {
      if (const auto replica = place.Choose(answering.prefix_hash, answering.tried, now)) {
        if (turn) leave();
        answering.replica = *replica;
        answering.seated = true;
        ++place.replicas[*replica].running;
        place.replicas[*replica].breaker.Begin(now);
        place.WakeNext();
        co_return Result<void>();
      }
    }
    if (!place.MayAsk(now)) {
      if (turn) leave();
      place.WakeNext();
      co_return busy("breaker_open", "it failed too often, or asked for a pause");
    }
    if (!turn) {
      if (static_cast<int32_t>(place.waiting.size()) >= place.target.queue) {
        co_return busy("queue_full",
                       fmt::format("{} requests wait for it, the limit", place.target.queue));
      }
      const double seats = static_cast<double>(place.target.concurrency) *
                           static_cast<double>(place.replicas.size());
      const double expected_s =
          place.seconds_mean * static_cast<double>(place.waiting.size() + 1) / seats;
      const double left_s = std::chrono::duration<double>(until - now).count();
      if (answering.ask.others_left && expected_s > left_s / 2) {
        co_return busy("queue_too_long", "its queue is longer than the deadline allows");
      }
      turn = std::make_shared<Event>(state.executor);
      place.waiting.push_back(turn);
    }
    turn->Reset();
    if (auto woken = co_await turn->WaitUntil(until); !woken) {
      leave();
      place.WakeNext();
      if (woken.error().code == Code::kCancelled) co_return std::unexpected(woken.error());
      co_return busy("queue_timeout", "no seat became free in time");
    }
  }
}

namespace {

// The answer of one call, read to its end.
template <class Answering>
Task<Result<void>> ReadAnswer(DoorCall& call, chat::ProviderAnswer& reader, Answering& answering,
                              const Clock& clock) {
  std::vector<chat::Event> fresh;
  for (;;) {
    auto piece = co_await call.Next();
    if (!piece) co_return std::unexpected(piece.error());
    if (auto* head = std::get_if<wire::EgressHead>(&*piece)) {
      chat::RetryAfterAsSeconds(head->headers, clock.WallNow());
      answering.place->TakeHead(static_cast<int>(head->status), head->headers);
      auto taken = reader.Head(static_cast<int>(head->status), head->headers);
      if (!taken) co_return taken;
      continue;
    }
    const auto* bytes = std::get_if<std::string>(&*piece);
    auto taken = bytes != nullptr ? reader.Feed(*bytes, fresh) : reader.End(fresh);
    answering.Give(fresh);
    if (!taken) co_return taken;
    answering.end_unread = answering.done && bytes != nullptr;
    if (answering.done) co_return Result<void>();
    if (bytes == nullptr) {
      co_return Fail(Code::kBackendFailed, "the answer ended without its end", "", "stream_cut");
    }
    if (auto room = co_await answering.events.WaitForRoom(); !room) co_return room;
  }
}

}  // namespace

// The door, once what is behind it is ready. A server that is being started is waited for as long
// as a connection would be, and not long where others could take over.
Task<Result<std::shared_ptr<OpenDoor>>> ProviderFleet::WayTo(State& state, Answering& answering) {
  if (state.door == nullptr) co_return Fail(Code::kCancelled, "cancelled");
  const ProviderTarget& target = answering.place->target;
  Duration patience = std::chrono::milliseconds(target.timeouts.connect_ms);
  if (answering.ask.others_left) patience = std::min(patience, kShortWait);
  const MonotonicTime until = std::min(state.clock.Now() + patience, answering.ask.deadline);
  auto ready = co_await state.servers.Ready(target.backend, until);
  if (!ready) co_return std::unexpected(std::move(ready.error()));
  if (state.door == nullptr) co_return Fail(Code::kCancelled, "cancelled");
  co_return co_await state.door->Get();
}

Task<ProviderFleet::Attempted> ProviderFleet::Attempt(State& state, Answering& answering,
                                                      uint32_t attempt) {
  ProviderPlace& place = *answering.place;
  const uint32_t replica = answering.replica;
  const MonotonicTime start = state.clock.Now();
  ++place.attempts;
  Result<void> read;
  auto door = co_await WayTo(state, answering);
  if (!door) {
    read = std::unexpected(door.error());
  } else {
    auto permit = co_await IssuePermit((*door)->office, state.options.workers,
                                       {.request_id = answering.ask.request_id,
                                        .target = place.target.name,
                                        .backend = place.target.backend,
                                        .replica = replica,
                                        .label = answering.ask.label},
                                       answering.call, state.clock);
    if (!permit) {
      read = std::unexpected(permit.error());
    } else {
      answering.attempt = attempt;
      answering.may_have_cost = true;
      auto call =
          (*door)->connection->Send(std::move(*permit), *answering.call, answering.timeouts);
      read = co_await ReadAnswer(*call, *answering.readers[attempt], answering, state.clock);
      if (read && answering.end_unread) {
        Spawn(state.executor, "provider's end",
              ReadOut(std::move(call), state.clock.Now() + kReadOutTime, answering.HandOverSeat()));
      }
    }
  }
  const MonotonicTime now = state.clock.Now();
  Attempted attempted;
  if (read) {
    place.TakeSuccess(replica, now, now - start);
    co_return attempted;
  }
  Error error = std::move(read.error());
  if (error.reason == "model_retired" && !state.HasAnswered(place.target.backend)) {
    error.message +=
        "; nothing was ever answered there: look at the path of the backend's url, too";
  }
  if (!MayHaveCost(error)) answering.may_have_cost = false;
  attempted.note = fmt::format("{} (replica {}): {} after {:.0f} ms", place.target.name, replica,
                               error.reason.empty() ? CodeName(error.code) : error.reason,
                               Milliseconds(now - start));
  attempted.error = error;
  place.TakeFailure(replica, error, now, state.clock.WallNow());
  co_return attempted;
}

Task<Result<ProviderFleet::Probed>> ProviderFleet::Probe(std::string backend,
                                                         chat::ProviderCall call,
                                                         wire::EgressTimeouts timeouts,
                                                         OneCall as) {
  if (state_->door == nullptr) co_return Fail(Code::kUnavailable, "the server is stopping");
  auto ready = co_await state_->servers.Ready(
      backend, state_->clock.Now() + std::chrono::milliseconds(timeouts.connect_ms));
  if (!ready) co_return std::unexpected(std::move(ready.error()));
  if (state_->door == nullptr) co_return Fail(Code::kUnavailable, "the server is stopping");
  auto door = co_await state_->door->Get();
  if (!door) co_return std::unexpected(door.error());
  auto permit = (*door)->office.Issue(
      {.request_id = as.request_id, .target = as.request_id, .backend = backend, .label = as.label},
      call, state_->clock.Now());
  if (!permit) co_return std::unexpected(permit.error());
  const auto sent = (*door)->connection->Send(std::move(*permit), call, timeouts);
  Probed probed;
  for (;;) {
    auto piece = co_await sent->Next();
    if (!piece) co_return std::unexpected(AsBackendError(std::move(piece.error()), backend));
    if (auto* head = std::get_if<wire::EgressHead>(&*piece)) {
      probed.status = static_cast<int>(head->status);
      probed.headers = std::move(head->headers);
      chat::RetryAfterAsSeconds(probed.headers, state_->clock.WallNow());
    } else if (const auto* bytes = std::get_if<std::string>(&*piece)) {
      const bool good = probed.status >= 200 && probed.status < 300;
      const size_t most = good ? as.bytes_max : chat::kProviderErrorBytesMax;
      if (probed.body.size() + bytes->size() > most && good) {
        co_return Fail(Code::kTooLarge, fmt::format("the answer has over {} bytes", most));
      }
      probed.body += bytes->substr(0, most - std::min(most, probed.body.size()));
    } else {
      co_return probed;
    }
  }
}

bool ProviderFleet::Has(std::string_view target) const {
  return state_->places.find(target) != state_->places.end();
}

bool ProviderFleet::MayAsk(std::string_view target) const {
  const auto found = state_->places.find(target);
  return found != state_->places.end() && state_->MayAsk(*found->second);
}

bool ProviderFleet::IsRetired(std::string_view target) const {
  const auto found = state_->places.find(target);
  return found != state_->places.end() && found->second->retired().has_value();
}

bool ProviderFleet::AnyMayAsk() const {
  return std::ranges::any_of(state_->places,
                             [this](const auto& item) { return state_->MayAsk(*item.second); });
}

std::vector<ProviderStatus> ProviderFleet::Status() const {
  std::vector<ProviderStatus> all;
  const MonotonicTime now = state_->clock.Now();
  for (const auto& [name, place] : state_->places) {
    ProviderStatus status{.target = name,
                          .backend = place->target.backend,
                          .breaker = Breaker::State::kOpen,
                          .may_ask = state_->MayAsk(*place),
                          .backend_answered = state_->HasAnswered(place->target.backend),
                          .retired = place->retired(),
                          .last_error = place->last_error,
                          .deprecation = place->deprecation,
                          .running = place->running(),
                          .waiting = static_cast<int32_t>(place->waiting.size()),
                          .attempts = place->attempts,
                          .failures = place->failures,
                          .retries = place->retries};
    for (uint32_t i = 0; i < place->replicas.size(); ++i) {
      const auto& replica = place->replicas[i];
      const bool well = replica.breaker.At(now) == Breaker::State::kClosed;
      if (!well || !replica.breaker.MayAsk(now)) status.left_alone.push_back(i);
      const Breaker::State state = replica.breaker.At(now);
      if (state == Breaker::State::kClosed) status.breaker = state;
      if (state == Breaker::State::kHalfOpen && status.breaker == Breaker::State::kOpen) {
        status.breaker = state;
      }
    }
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace weir::backends
