#include "backends/engine_connection.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <span>
#include <utility>

#include "async/spawn.h"
#include "base/check.h"
#include "base/log.h"

namespace weir::backends {
namespace {

// Requests are bounded each; this bounds what may wait for an engine that does not read.
constexpr size_t kOutgoingBytesMax = 2 * wire::kFrameBodyBytesMax;
constexpr size_t kReadBytes = 16 * 1024;

bool IsLast(const wire::Frame& frame) {
  if (frame.kind != static_cast<uint16_t>(wire::EngineFrame::kEvent)) return true;
  // An Event's first byte is the variant's index; Done is the last alternative.
  return !frame.body.empty() &&
         static_cast<uint8_t>(frame.body[0]) == std::variant_size_v<chat::Event> - 1;
}

Error Nonsense() {
  return {Code::kBackendFailed, "the engine answered with what is no answer", {}, "backend_failed"};
}

// Less is no progress: an engine that means ill could dole it out for ever.
constexpr float kProgressMin = 0.01f;

}  // namespace

// Tells the engine to stop when whoever waited for an answer goes away before it came.
class EngineConnection::CancelOnExit {
 public:
  CancelOnExit(std::shared_ptr<EngineConnection> connection, uint64_t id, OpenRequest request)
      : connection_(std::move(connection)), id_(id), request_(std::move(request)) {}
  ~CancelOnExit() { connection_->Leave(id_, *request_); }
  CancelOnExit(const CancelOnExit&) = delete;
  CancelOnExit& operator=(const CancelOnExit&) = delete;

 private:
  std::shared_ptr<EngineConnection> connection_;
  uint64_t id_;
  OpenRequest request_;
};

class EngineConnection::Stream final : public EventStream {
 public:
  Stream(std::shared_ptr<EngineConnection> connection, uint64_t id, OpenRequest request)
      : connection_(std::move(connection)), id_(id), request_(std::move(request)) {}
  ~Stream() override { connection_->Leave(id_, *request_); }

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override {
    if (patience > Duration::zero() && request_->frames.empty() && !request_->error) {
      const MonotonicTime deadline = SystemClock().Now() + patience;
      const Result<void> changed = co_await request_->changed.WaitUntil(deadline);
      if (!changed && changed.error().code != Code::kDeadlineExceeded) {
        co_return std::unexpected(changed.error());
      }
    }
    co_return Take();
  }

 private:
  Result<std::optional<chat::Event>> Take() {
    if (request_->frames.empty()) {
      request_->changed.Reset();
      if (request_->error) return std::unexpected(*request_->error);
      return std::nullopt;
    }
    const wire::Frame frame = connection_->PopFrame(*request_);
    if (request_->frames.empty() && !request_->error) request_->changed.Reset();
    connection_->ResumeIfDrained(id_, *request_);
    std::optional<chat::Event> event;
    if (frame.kind == static_cast<uint16_t>(wire::EngineFrame::kEvent)) {
      event = wire::Decode<chat::Event>(frame.body);
    }
    if (!event) return Fail(Nonsense());
    return event;
  }

  const std::shared_ptr<EngineConnection> connection_;
  const uint64_t id_;
  const OpenRequest request_;
};

std::shared_ptr<EngineConnection> EngineConnection::Open(const Executor& executor, int socket,
                                                         std::string name, Duration step_timeout) {
  std::shared_ptr<EngineConnection> connection(
      new EngineConnection(executor, socket, std::move(name), step_timeout));
  Spawn(executor, "engine reader", Read(connection));
  Spawn(executor, "engine writer", Write(connection));
  Spawn(executor, "engine guard", Guard(connection));
  return connection;
}

EngineConnection::EngineConnection(const Executor& executor, int socket, std::string name,
                                   Duration step_timeout)
    : executor_(executor),
      socket_(executor, socket),
      name_(std::move(name)),
      load_changed_(executor),
      gone_(executor),
      to_watch_(executor),
      step_timeout_(step_timeout),
      pulse_(step_timeout),
      outgoing_(executor, socket_) {}

EngineConnection::~EngineConnection() = default;

Task<Result<wire::EngineInfo>> EngineConnection::Load(wire::EngineSettings settings,
                                                      Duration stall_max) {
  const auto self = shared_from_this();
  Send(wire::EngineFrame::kLoad, 0, wire::Encode(wire::LoadRequest{.settings = settings}));
  float known = 0;
  MonotonicTime until = SystemClock().Now() + stall_max;
  while (!loaded_) {
    const Result<void> changed = co_await load_changed_.WaitUntil(until);
    if (!changed && changed.error().code == Code::kDeadlineExceeded)
      co_return Fail(Hangs(stall_max));
    if (!changed) co_return std::unexpected(changed.error());
    load_changed_.Reset();
    if (loading_ < known + kProgressMin) continue;
    known = loading_;
    until = SystemClock().Now() + stall_max;
  }
  if (*loaded_) info_ = **loaded_;
  co_return *loaded_;
}

std::unique_ptr<EventStream> EngineConnection::Generate(const wire::Caller& caller,
                                                        const chat::GenerateRequest& request) {
  auto [id, open] = Start(wire::EngineFrame::kGenerate, wire::EncodeAsked(caller, request));
  return std::make_unique<Stream>(shared_from_this(), id, std::move(open));
}

Task<Result<chat::Embeddings>> EngineConnection::Embed(const wire::Caller& caller,
                                                       const chat::EmbedRequest& request) {
  return Ask<chat::Embeddings>(wire::EngineFrame::kEmbed, wire::EncodeAsked(caller, request),
                               wire::EngineFrame::kEmbeddings);
}
Task<Result<chat::Scores>> EngineConnection::Score(const wire::Caller& caller,
                                                   const chat::ScoreRequest& request) {
  return Ask<chat::Scores>(wire::EngineFrame::kScore, wire::EncodeAsked(caller, request),
                           wire::EngineFrame::kScores);
}
Task<Result<wire::Tokens>> EngineConnection::Tokenize(wire::Tokenize request) {
  return Ask<wire::Tokens>(wire::EngineFrame::kTokenize, wire::Encode(request),
                           wire::EngineFrame::kTokens);
}
Task<Result<wire::Text>> EngineConnection::Detokenize(wire::Detokenize request) {
  return Ask<wire::Text>(wire::EngineFrame::kDetokenize, wire::Encode(request),
                         wire::EngineFrame::kText);
}
Task<Result<wire::EngineStats>> EngineConnection::QueryStats() {
  return Ask<wire::EngineStats>(wire::EngineFrame::kQueryStats, {}, wire::EngineFrame::kStats);
}

template <class Reply>
Task<Result<Reply>> EngineConnection::Ask(wire::EngineFrame kind, std::string body,
                                          wire::EngineFrame reply_kind) {
  const auto self = shared_from_this();
  const auto [id, request] = Start(kind, body);
  std::string().swap(body);  // it may be large, and waiting may be long
  const CancelOnExit cancel(self, id, request);
  while (request->frames.empty() && !request->error) {
    const Result<void> changed = co_await request->changed.Wait();
    if (!changed) co_return std::unexpected(changed.error());
  }
  if (request->frames.empty()) co_return std::unexpected(*request->error);
  const wire::Frame& frame = request->frames.front();
  std::optional<Reply> reply;
  if (frame.kind == static_cast<uint16_t>(reply_kind)) reply = wire::Decode<Reply>(frame.body);
  if (!reply) co_return Fail(Nonsense());
  co_return std::move(*reply);
}

std::pair<uint64_t, EngineConnection::OpenRequest> EngineConnection::Start(wire::EngineFrame kind,
                                                                           std::string_view body) {
  const uint64_t id = next_id_++;
  auto request = std::make_shared<Request>(executor_);
  const auto refuse = [&](Error error) {
    request->error = std::move(error);
    request->changed.Set();
  };
  if (gone_.is_set()) {
    refuse({Code::kBackendFailed,
            fmt::format("the engine of '{}' is gone; try again", name_),
            {},
            "backend_failed"});
  } else if (body.size() > wire::kFrameBodyBytesMax) {
    refuse({Code::kTooLarge, fmt::format("the request has {} bytes; an engine takes at most {}",
                                         body.size(), wire::kFrameBodyBytesMax)});
  } else if (open_.size() >= wire::kRequestsOpenMax ||
             outgoing_.waiting_bytes() + body.size() > kOutgoingBytesMax) {
    refuse({Code::kUnavailable,
            fmt::format("the engine of '{}' has too much to do", name_),
            {},
            "queue_full",
            ends_.RetryAfter_s(static_cast<double>(open_.size()) / 2)});
  } else {
    if (open_.empty()) last_end_ = SystemClock().Now();  // idle time is not time between ends
    open_[id] = request;
    Owe();
    Send(kind, id, body);
  }
  return {id, std::move(request)};
}

void EngineConnection::Leave(uint64_t id, Request& request) {
  held_bytes_ -= std::exchange(request.bytes, 0);
  if (open_.erase(id) == 0) return;
  Owe();
  Send(wire::EngineFrame::kCancel, id, {});
}

void EngineConnection::ResumeIfDrained(uint64_t id, Request& request) {
  if (!request.paused || request.frames.size() > kStreamEventsMax / 4) return;
  request.paused = false;
  if (open_.contains(id)) Send(wire::EngineFrame::kResume, id, {});
}

void EngineConnection::Send(wire::EngineFrame kind, uint64_t id, std::string_view body) {
  outgoing_.Append(static_cast<uint16_t>(kind), id, body);
}

Task<void> EngineConnection::Write(std::shared_ptr<EngineConnection> self) {
  co_await self->outgoing_.Run();
}

void EngineConnection::Owe() {
  pulse_.Sent();
  to_watch_.Set();
}

// Waits without a timer while nothing is owed.
Task<void> EngineConnection::Guard(std::shared_ptr<EngineConnection> self) {
  while (!self->gone_.is_set()) {
    if (!self->pulse_.watching(self->busy())) {
      self->to_watch_.Reset();
      if (auto owed = co_await self->to_watch_.Wait(); !owed) co_return;
      continue;
    }
    const MonotonicTime next = SystemClock().Now() + self->pulse_.tick();
    const Result<void> gone = co_await self->gone_.WaitUntil(next);
    if (gone || gone.error().code != Code::kDeadlineExceeded) co_return;
    switch (self->pulse_.Tick(self->busy())) {
      case Pulse::Verdict::kWell:
        break;
      case Pulse::Verdict::kAsk:
        // Its answer belongs to no request: that it comes is what counts.
        self->Send(wire::EngineFrame::kQueryStats, self->next_id_++, {});
        break;
      case Pulse::Verdict::kHung:
        co_return self->Close(self->Hung());
    }
  }
}

// One read for each wake, so that an engine that always has more to say does not keep everybody
// else, our own Pause among them, from the thread.
Task<void> EngineConnection::Read(std::shared_ptr<EngineConnection> self) {
  wire::FrameReader frames;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  for (;;) {
    const Result<void> readable = co_await self->socket_.WaitReadable();
    if (!readable) co_return self->Close(self->Ended());
    const Result<bool> read = self->ReadSome(frames, {buffer.get(), kReadBytes});
    if (!read) co_return self->Close(read.error());
    if (auto taken = self->TakeFrames(frames); !taken) co_return self->Close(taken.error());
  }
}

// False when there was nothing after all.
Result<bool> EngineConnection::ReadSome(wire::FrameReader& frames, std::span<char> buffer) {
  const ssize_t got = recv(socket_.fd(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) return std::unexpected(Ended());
  pulse_.Heard();
  frames.Append({buffer.data(), static_cast<size_t>(got)});
  return true;
}

Error EngineConnection::Hangs(Duration stall_max) const {
  return {Code::kUnavailable,
          fmt::format("'{}' showed no progress for {:.0f} s while it was loaded, and was ended; "
                      "load_timeout sets the limit",
                      name_, Milliseconds(stall_max) / 1000),
          "model", std::string(kLoadTimeout)};
}

Error EngineConnection::Ended() const {
  return {Code::kBackendFailed,
          fmt::format("the engine of '{}' ended; try again", name_),
          {},
          "backend_failed"};
}

Error EngineConnection::Hung() const {
  return {Code::kBackendFailed,
          fmt::format("the engine of '{}' did not come to the end of a step for {:g} s and was "
                      "ended; try again",
                      name_, Milliseconds(step_timeout_) / 1000),
          {},
          "backend_failed"};
}

Result<void> EngineConnection::TakeFrames(wire::FrameReader& frames) {
  for (;;) {
    Result<std::optional<wire::Frame>> next = frames.Next();
    if (!next) return std::unexpected(next.error());
    if (!*next) return {};
    if (auto taken = Take(std::move(**next)); !taken) return taken;
  }
}

Result<void> EngineConnection::Take(wire::Frame frame) {
  if (frame.request == 0) {
    TakeLoading(frame);
    return {};
  }
  // Whoever asked for figures may have gone, because a step took long: they are the newest still.
  if (frame.kind == static_cast<uint16_t>(wire::EngineFrame::kStats)) {
    if (auto stats = wire::Decode<wire::EngineStats>(frame.body)) stats_ = std::move(*stats);
  }
  const auto found = open_.find(frame.request);
  if (found == open_.end()) return {};  // cancelled here, answered there: the two crossed
  const OpenRequest request = found->second;
  if (frame.kind == static_cast<uint16_t>(wire::EngineFrame::kFailure)) {
    auto failure = wire::Decode<wire::Failure>(frame.body);
    request->error = failure ? wire::ErrorOf(std::move(*failure)) : Nonsense();
    open_.erase(found);
    CountEnd();
    request->changed.Set();
    return {};
  }
  const uint64_t id = frame.request;
  if (IsLast(frame)) {
    open_.erase(found);
    CountEnd();
  }
  if (auto kept = Keep(std::move(frame), *request); !kept) return kept;
  if (request->frames.size() >= kStreamEventsMax && !request->paused && open_.contains(id)) {
    request->paused = true;
    Send(wire::EngineFrame::kPause, id, {});
  }
  return {};
}

void EngineConnection::CountEnd() {
  const MonotonicTime now = SystemClock().Now();
  ends_.Measured(1, now - std::exchange(last_end_, now));
}

Result<void> EngineConnection::Keep(wire::Frame frame, Request& request) {
  request.bytes += frame.body.size();
  held_bytes_ += frame.body.size();
  request.frames.push_back(std::move(frame));
  request.changed.Set();
  if (request.frames.size() <= kStreamEventsBroken && held_bytes_ <= kHeldBytesMax) return {};
  // It went on although it was paused, and its frames would fill the memory.
  return Fail(Code::kBackendFailed,
              fmt::format("the engine of '{}' sent more than {} events or {} bytes ahead", name_,
                          kStreamEventsBroken, kHeldBytesMax),
              {}, "backend_failed");
}

wire::Frame EngineConnection::PopFrame(Request& request) {
  wire::Frame frame = std::move(request.frames.front());
  request.frames.pop_front();
  request.bytes -= frame.body.size();
  held_bytes_ -= frame.body.size();
  return frame;
}

void EngineConnection::TakeLoading(const wire::Frame& frame) {
  if (loaded_) return;
  switch (static_cast<wire::EngineFrame>(frame.kind)) {
    case wire::EngineFrame::kLoading:
      if (const auto told = wire::Decode<wire::Loading>(frame.body)) loading_ = told->fraction;
      break;
    case wire::EngineFrame::kReady:
      if (auto info = wire::Decode<wire::EngineInfo>(frame.body)) {
        loaded_ = std::move(*info);
      } else {
        loaded_ = Fail(Nonsense());
      }
      break;
    case wire::EngineFrame::kFailure: {
      auto failure = wire::Decode<wire::Failure>(frame.body);
      loaded_ = Fail(failure ? wire::ErrorOf(std::move(*failure)) : Nonsense());
      break;
    }
    default:
      loaded_ = Fail(Nonsense());
      break;
  }
  load_changed_.Set();
}

void EngineConnection::Close() {
  Close({Code::kUnavailable, fmt::format("'{}' was stopped", name_), {}, "model_stopped"});
}

void EngineConnection::Close(const Error& why) {
  if (gone_.is_set()) return;
  LogInfo("engine of '{}' is gone: {} request(s) were open", name_, open_.size());
  socket_.Close();
  outgoing_.Close();
  for (auto& [id, request] : std::exchange(open_, {})) {
    request->error = why;
    request->changed.Set();
  }
  if (!loaded_) {
    loaded_ = Fail(why);
    load_changed_.Set();
  }
  gone_.Set();
  to_watch_.Set();
}

}  // namespace weir::backends
