#include "backends/door_connection.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "async/deadline.h"
#include "async/spawn.h"
#include "base/log.h"

namespace weir::backends {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
// Requests are bounded each; this bounds what may wait for a door that does not read.
constexpr size_t kOutgoingBytesMax = 3 * wire::kEgressCallBytesMax;

Error DoorGone() {
  return {Code::kBackendFailed, "the egress process ended; try again", "", "door_gone"};
}

std::unexpected<Error> Nonsense(std::string_view what) {
  return Fail(Code::kBackendFailed, fmt::format("the egress process broke the protocol: {}", what),
              "", "door_gone");
}

}  // namespace

// What has come for one call and was not taken yet.
struct DoorConnection::Open_ {
  explicit Open_(const Executor& executor) : changed(executor) {}
  std::deque<DoorCall::Piece> pieces = {};
  size_t bytes = 0;  // of body, in pieces
  size_t owed = 0;   // taken, and not yet credited
  bool has_head = false;
  bool over = false;  // no further frames
  std::optional<Error> error = {};
  Event changed;
};

class DoorConnection::Call final : public DoorCall {
 public:
  Call(std::shared_ptr<DoorConnection> connection, uint64_t id, OpenCall open)
      : connection_(std::move(connection)), id_(id), open_(std::move(open)) {}
  ~Call() override { connection_->Leave(id_); }

  Task<Result<Piece>> Next() override {
    while (open_->pieces.empty() && !open_->error) {
      open_->changed.Reset();
      if (auto changed = co_await open_->changed.Wait(); !changed) {
        co_return std::unexpected(changed.error());
      }
    }
    if (open_->pieces.empty()) co_return std::unexpected(*open_->error);
    Piece piece = std::move(open_->pieces.front());
    open_->pieces.pop_front();
    if (const auto* bytes = std::get_if<std::string>(&piece)) Credit(bytes->size());
    co_return piece;
  }

 private:
  // A credit for every quarter of a window, not for every piece.
  void Credit(size_t bytes) {
    open_->bytes -= bytes;
    open_->owed += bytes;
    if (open_->owed < wire::kEgressWindowBytes / 4 || open_->over) return;
    const auto owed = static_cast<uint32_t>(std::exchange(open_->owed, 0));
    connection_->SendFrame(wire::EgressFrame::kCredit, id_, wire::Encode(wire::EgressCredit{owed}));
  }

  const std::shared_ptr<DoorConnection> connection_;
  const uint64_t id_;
  const OpenCall open_;
};

std::shared_ptr<DoorConnection> DoorConnection::Open(const Executor& executor, int socket) {
  std::shared_ptr<DoorConnection> connection(new DoorConnection(executor, socket));
  Spawn(executor, "door reader", Read(connection));
  Spawn(executor, "door writer", Write(connection));
  return connection;
}

DoorConnection::DoorConnection(const Executor& executor, int socket)
    : executor_(executor),
      socket_(executor, socket),
      ready_changed_(executor),
      gone_(executor),
      outgoing_(executor, socket_) {}

DoorConnection::~DoorConnection() = default;

Task<Result<wire::EgressReady>> DoorConnection::Greet(std::string mac_key) {
  const auto self = shared_from_this();
  SendFrame(wire::EgressFrame::kHello, 0,
            wire::Encode(wire::EgressHello{.mac_key = std::move(mac_key)}));
  while (!ready_) {
    if (auto changed = co_await ready_changed_.Wait(); !changed) {
      co_return std::unexpected(changed.error());
    }
    ready_changed_.Reset();
  }
  co_return *ready_;
}

std::unique_ptr<DoorCall> DoorConnection::Send(privacy::Permit permit,
                                               const chat::ProviderCall& call,
                                               const wire::EgressTimeouts& timeouts) {
  const uint64_t id = next_id_++;
  auto open = std::make_shared<Open_>(executor_);
  const auto refuse = [&](Error error) {
    open->error = std::move(error);
    open->over = true;
  };
  if (gone_.is_set()) {
    refuse(DoorGone());
  } else if (open_.size() >= wire::kEgressCallsMax ||
             outgoing_.waiting_bytes() + call.body.size() > kOutgoingBytesMax) {
    refuse({Code::kUnavailable, "the egress process has too much to do", "", "queue_full",
            /*retry_after_s=*/1});
  } else {
    const wire::PermitSlip slip = std::move(permit).Spend();
    const wire::EgressCallParts sent{.permit = slip,
                                     .method = call.method,
                                     .path = call.path,
                                     .headers = call.headers,
                                     .body = call.body,
                                     .timeouts = timeouts};
    open_[id] = open;
    SendFrame(wire::EgressFrame::kCall, id, wire::Encode(sent));
  }
  return std::make_unique<Call>(shared_from_this(), id, std::move(open));
}

void DoorConnection::Leave(uint64_t id) {
  if (open_.erase(id) > 0) SendFrame(wire::EgressFrame::kCancel, id, {});
}

void DoorConnection::SendFrame(wire::EgressFrame kind, uint64_t id, std::string_view body) {
  outgoing_.Append(static_cast<uint16_t>(kind), id, body);
  outgoing_.WriteNow();
}

Task<void> DoorConnection::Write(std::shared_ptr<DoorConnection> self) {
  co_await self->outgoing_.Run();
}

Task<void> DoorConnection::Read(std::shared_ptr<DoorConnection> self) {
  wire::FrameReader frames(wire::kEgressAnswerFrameBytesMax);
  for (;;) {
    const Result<void> readable = co_await self->socket_.WaitReadable();
    if (!readable) co_return self->End(DoorGone());
    const Result<bool> read = self->ReadSome(frames);
    if (!read || !*read) co_return self->End(read ? DoorGone() : read.error());
  }
}

// False at the end of the stream.
Result<bool> DoorConnection::ReadSome(wire::FrameReader& frames) {
  std::array<char, kReadBytes> buffer;
  const ssize_t got = recv(socket_.fd(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  frames.Append({buffer.data(), static_cast<size_t>(got)});
  for (;;) {
    auto next = frames.Next();
    if (!next) return Nonsense("a frame over the bound");
    if (!*next) return true;
    if (auto taken = Take(std::move(**next)); !taken) return std::unexpected(taken.error());
  }
}

Result<void> DoorConnection::Take(wire::Frame frame) {
  const auto kind = static_cast<wire::EgressFrame>(frame.kind);
  if (kind == wire::EgressFrame::kReady) {
    const auto ready = wire::Decode<wire::EgressReady>(frame.body);
    if (!ready || ready_ || ready->protocol != wire::kEgressProtocol) {
      return Nonsense("a Ready that cannot be");
    }
    ready_ = *ready;
    ready_changed_.Set();
    return {};
  }
  const auto found = open_.find(frame.request);
  if (found == open_.end()) {
    // It was cancelled, and this was under way.
    return frame.request < next_id_ ? Result<void>() : Nonsense("an answer that nobody asked for");
  }
  const OpenCall call = found->second;
  auto taken = TakeForCall(kind, std::move(frame), call);
  call->changed.Set();
  return taken;
}

Result<void> DoorConnection::TakeForCall(wire::EgressFrame kind, wire::Frame frame,
                                         const OpenCall& call) {
  const bool after_head = kind == wire::EgressFrame::kBody || kind == wire::EgressFrame::kEnd;
  if (after_head && !call->has_head) return Nonsense("a body before its head");
  switch (kind) {
    case wire::EgressFrame::kHead: {
      auto head = wire::Decode<wire::EgressHead>(frame.body);
      if (!head || call->has_head || !wire::BrokenBound(*head).empty()) {
        return Nonsense("a Head that cannot be");
      }
      call->has_head = true;
      call->pieces.emplace_back(std::move(*head));
      return {};
    }
    case wire::EgressFrame::kBody:
      call->bytes += frame.body.size();
      if (call->bytes + call->owed > wire::kEgressWindowBytes) return Nonsense("over the window");
      call->pieces.emplace_back(std::move(frame.body));
      return {};
    case wire::EgressFrame::kEnd: {
      const auto end = wire::Decode<wire::EgressEnd>(frame.body);
      if (!end) return Nonsense("an End that cannot be read");
      call->pieces.emplace_back(*end);
      break;
    }
    case wire::EgressFrame::kFailure: {
      auto failure = wire::Decode<wire::Failure>(frame.body);
      if (!failure) return Nonsense("a Failure that cannot be read");
      call->error = wire::ErrorOf(std::move(*failure));
      break;
    }
    default:
      return Nonsense("a frame of an unknown kind");
  }
  call->over = true;
  open_.erase(frame.request);
  return {};
}

void DoorConnection::Close() { End(DoorGone()); }

void DoorConnection::Abandon() {
  const auto self = shared_from_this();
  ready_changed_.Abandon();
  gone_.Abandon();
  outgoing_.Abandon();
}

void DoorConnection::End(const Error& why) {
  if (gone_.is_set()) return;
  if (why.reason == "door_gone" && why.message.find("broke") != std::string::npos) {
    LogError("{}", why.message);
  }
  gone_.Set();
  socket_.Close();
  outgoing_.Close();
  if (!ready_) ready_ = std::unexpected(why);
  ready_changed_.Set();
  for (const auto& [id, call] : std::exchange(open_, {})) {
    call->error = why;
    call->over = true;
    call->changed.Set();
  }
}

Task<void> ReadOut(std::unique_ptr<DoorCall> call, MonotonicTime until,
                   std::move_only_function<void()> done) {
  for (;;) {
    const auto piece = co_await WithDeadline(until, call->Next());
    if (!piece || std::holds_alternative<wire::EgressEnd>(*piece)) break;
  }
  call.reset();
  done();
}

}  // namespace weir::backends
