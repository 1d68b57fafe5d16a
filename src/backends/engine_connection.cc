#include "backends/engine_connection.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "async/spawn.h"
#include "base/check.h"
#include "base/log.h"

namespace weir::backends {
namespace {

// Requests are bounded each; this bounds what may wait for an engine that does not read.
constexpr size_t kOutgoingBytesMax = 2 * wire::kFrameBodyBytesMax;

bool IsLast(const wire::Frame& frame) {
  if (frame.kind != static_cast<uint16_t>(wire::EngineFrame::kEvent)) return true;
  // An Event's first byte is the variant's index; Done is the last alternative.
  return !frame.body.empty() &&
         static_cast<uint8_t>(frame.body[0]) == std::variant_size_v<chat::Event> - 1;
}

Error Nonsense() {
  return {Code::kBackendFailed, "the engine answered with what is no answer", {}, "backend_failed"};
}

}  // namespace

// Tells the engine to stop when whoever waited for an answer goes away before it came.
class EngineConnection::CancelOnExit {
 public:
  CancelOnExit(std::shared_ptr<EngineConnection> connection, uint64_t id)
      : connection_(std::move(connection)), id_(id) {}
  ~CancelOnExit() { connection_->Cancel(id_); }
  CancelOnExit(const CancelOnExit&) = delete;
  CancelOnExit& operator=(const CancelOnExit&) = delete;

 private:
  std::shared_ptr<EngineConnection> connection_;
  uint64_t id_;
};

class EngineConnection::Stream final : public EventStream {
 public:
  Stream(std::shared_ptr<EngineConnection> connection, uint64_t id, OpenRequest request)
      : connection_(std::move(connection)), id_(id), request_(std::move(request)) {}
  ~Stream() override { connection_->Cancel(id_); }

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override {
    if (request_->frames.empty() && !request_->error) {
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
    const wire::Frame frame = std::move(request_->frames.front());
    request_->frames.pop_front();
    if (request_->frames.empty() && !request_->error) request_->changed.Reset();
    connection_->ResumeIfDrained(id_, *request_);
    std::optional<chat::Event> event;
    if (frame.kind == static_cast<uint16_t>(wire::EngineFrame::kEvent)) {
      event = wire::Decode<chat::Event>(frame.body);
    }
    if (!event) return Fail(Nonsense());
    return event;
  }

  std::shared_ptr<EngineConnection> connection_;
  uint64_t id_;
  OpenRequest request_;
};

std::shared_ptr<EngineConnection> EngineConnection::Open(const Executor& executor, int socket,
                                                         std::string name) {
  std::shared_ptr<EngineConnection> connection(
      new EngineConnection(executor, socket, std::move(name)));
  Spawn(executor, "engine reader", Read(connection));
  Spawn(executor, "engine writer", Write(connection));
  return connection;
}

EngineConnection::EngineConnection(const Executor& executor, int socket, std::string name)
    : executor_(executor),
      socket_(executor, socket),
      name_(std::move(name)),
      load_changed_(executor),
      gone_(executor),
      to_write_(executor) {}

EngineConnection::~EngineConnection() = default;

Task<Result<wire::EngineInfo>> EngineConnection::Load(wire::EngineSettings settings) {
  const auto self = shared_from_this();
  Send(wire::EngineFrame::kLoad, 0, wire::Encode(wire::LoadRequest{.settings = settings}));
  while (!loaded_) {
    const Result<void> changed = co_await load_changed_.Wait();
    if (!changed) co_return std::unexpected(changed.error());
    load_changed_.Reset();
  }
  if (*loaded_) info_ = **loaded_;
  co_return *loaded_;
}

std::unique_ptr<EventStream> EngineConnection::Generate(const wire::Generate& request) {
  auto [id, open] = Start(wire::EngineFrame::kGenerate, wire::Encode(request));
  return std::make_unique<Stream>(shared_from_this(), id, std::move(open));
}

Task<Result<chat::Embeddings>> EngineConnection::Embed(wire::Embed request) {
  return Ask<chat::Embeddings>(wire::EngineFrame::kEmbed, wire::Encode(request),
                               wire::EngineFrame::kEmbeddings);
}
Task<Result<chat::Scores>> EngineConnection::Score(wire::Score request) {
  return Ask<chat::Scores>(wire::EngineFrame::kScore, wire::Encode(request),
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
  const CancelOnExit cancel(self, id);
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
             outgoing_.size() + body.size() > kOutgoingBytesMax) {
    refuse({Code::kUnavailable,
            fmt::format("the engine of '{}' has too much to do", name_),
            {},
            "queue_full",
            /*retry_after_s=*/5});
  } else {
    open_[id] = request;
    Send(kind, id, body);
  }
  return {id, std::move(request)};
}

void EngineConnection::Cancel(uint64_t id) {
  if (open_.erase(id) > 0) Send(wire::EngineFrame::kCancel, id, {});
}

void EngineConnection::ResumeIfDrained(uint64_t id, Request& request) {
  if (!request.paused || request.frames.size() > kStreamEventsMax / 4) return;
  request.paused = false;
  if (open_.contains(id)) Send(wire::EngineFrame::kResume, id, {});
}

void EngineConnection::Send(wire::EngineFrame kind, uint64_t id, std::string_view body) {
  if (gone_.is_set()) return;
  outgoing_ += wire::EncodeFrame(static_cast<uint16_t>(kind), id, body);
  to_write_.Set();
}

Task<void> EngineConnection::Write(std::shared_ptr<EngineConnection> self) {
  for (;;) {
    self->to_write_.Reset();
    while (!self->outgoing_.empty() && !self->gone_.is_set()) {
      const ssize_t sent =
          send(self->socket_.fd(), self->outgoing_.data(), self->outgoing_.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        self->outgoing_.erase(0, static_cast<size_t>(sent));
      } else if (errno == EAGAIN || errno == EINTR) {
        if (auto ready = co_await self->socket_.WaitWritable(); !ready) co_return;
      } else {
        co_return;  // the reader sees the same end, and tells everybody
      }
    }
    if (self->gone_.is_set()) co_return;
    if (auto more = co_await self->to_write_.Wait(); !more) co_return;
  }
}

Task<void> EngineConnection::Read(std::shared_ptr<EngineConnection> self) {
  wire::FrameReader frames;
  for (;;) {
    const Result<void> read = co_await self->ReadSome(frames);
    const Result<void> taken = read ? self->TakeFrames(frames) : read;
    if (!taken) {
      self->Lose(taken.error());
      co_return;
    }
  }
}

Task<Result<void>> EngineConnection::ReadSome(wire::FrameReader& frames) {
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t got = recv(socket_.fd(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      frames.Append({buffer.data(), static_cast<size_t>(got)});
      co_return Result<void>();
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      const Result<void> ready = co_await socket_.WaitReadable();
      if (!ready) co_return ready;
      continue;
    }
    co_return Fail(Code::kBackendFailed, fmt::format("the engine of '{}' ended; try again", name_),
                   {}, "backend_failed");
  }
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
  const auto found = open_.find(frame.request);
  if (found == open_.end()) return {};  // cancelled here, answered there: the two crossed
  const OpenRequest request = found->second;
  if (frame.kind == static_cast<uint16_t>(wire::EngineFrame::kFailure)) {
    auto failure = wire::Decode<wire::Failure>(frame.body);
    request->error = failure ? wire::ErrorOf(std::move(*failure)) : Nonsense();
    open_.erase(found);
    request->changed.Set();
    return {};
  }
  if (IsLast(frame)) open_.erase(found);
  const uint64_t id = frame.request;
  request->frames.push_back(std::move(frame));
  request->changed.Set();
  if (request->frames.size() >= kStreamEventsMax && !request->paused && open_.contains(id)) {
    request->paused = true;
    Send(wire::EngineFrame::kPause, id, {});
  }
  // An engine that goes on although it was paused is broken: its frames would fill the memory.
  if (request->frames.size() > 64 * kStreamEventsMax) return Fail(Nonsense());
  return {};
}

void EngineConnection::TakeLoading(const wire::Frame& frame) {
  if (loaded_) return;
  switch (static_cast<wire::EngineFrame>(frame.kind)) {
    case wire::EngineFrame::kLoading:
      if (const auto told = wire::Decode<wire::Loading>(frame.body)) loading_ = told->fraction;
      return;
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

void EngineConnection::Lose(const Error& error) {
  if (gone_.is_set()) return;
  LogInfo("engine of '{}' is gone: {} request(s) were open", name_, open_.size());
  socket_.Close();
  outgoing_.clear();
  for (auto& [id, request] : std::exchange(open_, {})) {
    request->error = error;
    request->changed.Set();
  }
  if (!loaded_) {
    loaded_ = Fail(error);
    load_changed_.Set();
  }
  gone_.Set();
  to_write_.Set();
}

void EngineConnection::Close() {
  Lose({Code::kUnavailable, fmt::format("'{}' was stopped", name_), {}, "model_stopped"});
}

}  // namespace weir::backends
