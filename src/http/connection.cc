#include "http/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <typeinfo>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

namespace weir::http {
namespace {

// A connection over the limit must not hold its place long.
constexpr Duration kOverLimitTime = std::chrono::seconds(2);
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr size_t kHeadReadBytes = 16 * 1024;

MonotonicTime Now() { return SystemClock().Now(); }

std::string Seconds(Duration duration) {
  return fmt::format("{:g} s", std::chrono::duration<double>(duration).count());
}

}  // namespace

Connection::Connection(std::shared_ptr<Shared> shared, int fd, Origin origin)
    : shared_(std::move(shared)),
      socket_(shared_->executor, fd),
      origin_(std::move(origin)),
      wake_(shared_->executor),
      parser_(shared_->options.limits),
      since_(Now()) {}

void Connection::Begin() {
  // `done` keeps this object for as long as the coroutine lives, and closes it however the
  // coroutine ends.
  cancel_ = Spawn(shared_->executor, "http connection", Run(),
                  [self = shared_from_this()] { self->Close(); });
}

Task<void> Connection::Run() {
  bool more = true;
  while (more && co_await NextRequest()) more = co_await Serve();
  if (linger_ && !gone_) co_await Linger();
}

// --- Reading
// -------------------------------------------------------------------------------------------------------

// False when the connection is to be closed.
Task<bool> Connection::NextRequest() {
  Enter(Phase::kReading);
  head_checked_ = continued_ = false;
  too_slow_.clear();
  if (!pending_.empty()) Consume(std::exchange(pending_, {}));
  while (!gone_) {
    if (!too_slow_.empty()) {
      co_await Refuse({408, "request_timeout", too_slow_}, nullptr);
      co_return false;
    }
    if (parser_.state() == RequestParser::State::kComplete) co_return true;
    if (parser_.state() == RequestParser::State::kRefused) {
      // Of a body that is too large the head was good, and says whose words the client speaks.
      const bool head_read = parser_.refusal().status == 413;
      co_await Refuse(parser_.refusal(), head_read ? &parser_.request() : nullptr);
      co_return false;
    }
    if (parser_.state() == RequestParser::State::kBody && !co_await OnHead()) co_return false;
    if (parser_.state() == RequestParser::State::kBody && parser_.streams()) co_return true;
    if (shared_->draining && AwaitsRequest() && !origin_.late) co_return false;
    Watch();
    co_await wake_.Wait();
    wake_.Reset();
  }
  co_return false;
}

// The head is there and the body is not: what is refused is refused before the body is read.
Task<bool> Connection::OnHead() {
  const bool first = !std::exchange(head_checked_, true);
  std::optional<Refusal> refusal;
  if (first) refusal = CheckHead(parser_.request());
  if (!refusal && shared_->held_body_bytes > shared_->options.held_body_bytes_max) {
    refusal = Refusal{503, "overloaded", "too many request bodies are in memory; try again soon"};
  }
  if (refusal) {
    co_await Refuse(std::move(*refusal), &parser_.request());
    co_return false;
  }
  // Who streams is told when the handler wants the body.
  if (first && parser_.expects_continue() && !parser_.streams()) {
    const Result<void> sent = co_await WriteAll({"HTTP/1.1 100 Continue\r\n\r\n"});
    co_return sent.has_value();
  }
  co_return true;
}

std::optional<Refusal> Connection::CheckHead(const Request& request) const {
  if (std::optional<Refusal> refusal = shared_->policy.Check(request, origin_.local_host))
    return refusal;
  if (origin_.over_limit) {
    return Refusal{
        503, "too_many_connections",
        "more than " + std::to_string(shared_->options.connections_max) + " connections are open"};
  }
  if (shared_->draining) return Refusal{503, "shutting_down", "the server is shutting down"};
  return std::nullopt;
}

bool Connection::HoldsEnough() const {
  if (phase_ != Phase::kHandling) return false;
  if (BodyIsComing()) {
    const size_t held = parser_.request().body.size();
    const bool crowded = shared_->held_body_bytes > shared_->options.held_body_bytes_max;
    return held >= kStreamedHeldMax || (crowded && held > 0);
  }
  return pending_.size() >= kPipelineMax;
}

void Connection::Watch() {
  if (watching_ || gone_ || HoldsEnough() || phase_ == Phase::kClosed) return;
  watching_ = true;
  socket_.OnceReadable([self = shared_from_this()] {
    self->watching_ = false;
    self->OnReadable();
  });
}

void Connection::OnReadable() {
  // A bounded number of reads, so that one fast sender does not keep the others waiting.
  for (int reads = 0; reads < 4 && !gone_ && phase_ != Phase::kClosed; ++reads) {
    if (!ReadOnce()) break;
  }
  const RequestParser::State state = parser_.state();
  const bool news =
      state == RequestParser::State::kBody
          ? !head_checked_ || shared_->held_body_bytes > shared_->options.held_body_bytes_max
          : state != RequestParser::State::kHead;
  if ((phase_ == Phase::kReading && news) || reading_body_) wake_.Set();
  // A request that is complete is about to be handled; watching goes on then.
  Watch();
}

// True when there may be more to read at once.
bool Connection::ReadOnce() {
  size_t room = Shared::kScratchBytes;
  if (BodyIsComing()) {
    room = HoldsEnough() ? 0 : Shared::kScratchBytes;
  } else if (phase_ == Phase::kHandling || parser_.state() == RequestParser::State::kComplete) {
    room = kPipelineMax - std::min(kPipelineMax, pending_.size());
  } else if (phase_ == Phase::kReading && parser_.state() == RequestParser::State::kHead) {
    room = kHeadReadBytes;
  }
  if (room == 0) return false;
  const ssize_t n = recv(socket_.fd(), shared_->scratch.data(), room, 0);
  if (n > 0) {
    Consume(std::string_view(shared_->scratch.data(), static_cast<size_t>(n)));
    return static_cast<size_t>(n) == room;
  }
  const bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
  if (!later) Gone();
  return false;
}

void Connection::Consume(std::string_view bytes) {
  if (phase_ == Phase::kLingering) return;
  if (phase_ == Phase::kReading) {
    const RequestParser::State before = parser_.state();
    const bool started = parser_.started();
    bytes.remove_prefix(parser_.Feed(bytes));
    const bool body_begins =
        before != RequestParser::State::kBody && parser_.state() == RequestParser::State::kBody;
    if ((!started && parser_.started()) || body_begins) {
      since_ = Now();
      body_mark_ = 0;
    }
    CountBody(parser_.request().body.size());
    if (parser_.state() == RequestParser::State::kRefused) return;
  } else if (BodyIsComing()) {
    bytes.remove_prefix(parser_.Feed(bytes));
    CountBody(parser_.request().body.size());
    if (parser_.state() == RequestParser::State::kRefused) return;
  }
  pending_.append(bytes);
}

// How much of the server's memory for bodies this connection uses.
void Connection::CountBody(uint64_t bytes) {
  shared_->held_body_bytes += bytes - counted_body_;
  counted_body_ = bytes;
}

// --- Handling
// ------------------------------------------------------------------------------------------------------

// True when the connection goes on.
Task<bool> Connection::Serve() {
  streaming_ = parser_.state() == RequestParser::State::kBody;
  request_ = streaming_ ? parser_.TakeHead() : parser_.TakeRequest();
  request_.peer = origin_.peer;
  keep_alive_ = request_.keep_alive;
  is_head_ = request_.method == "HEAD";
  replied_ = finished_ = broken_ = false;
  Enter(Phase::kHandling);
  if (!head_checked_) {
    if (std::optional<Refusal> refusal = CheckHead(request_)) {
      co_await Refuse(std::move(*refusal), &request_);
      co_return false;
    }
    head_checked_ = true;
  }
  Watch();
  if (IsPreflight(request_)) {
    co_await Send(AnswerPreflight(request_));
  } else {
    co_await RunHandler();
  }
  if (!finished_ && replied_ && framing_ == BodyFraming::kClose) reset_on_close_ = true;
  EndBody();
  {
    const Request done = std::move(request_);
  }  // assigning {} would keep the buffers
  CountBody(0);
  co_return finished_&& keep_alive_ && !gone_;
}

// What was not read of a body belongs to no request: the connection ends with it.
void Connection::EndBody() {
  if (!std::exchange(streaming_, false)) return;
  if (parser_.state() == RequestParser::State::kComplete) {
    const Request husk = parser_.TakeRequest();
  } else {
    keep_alive_ = false;
    linger_ = true;
  }
}

Task<Result<std::string>> Connection::ReadBody() {
  if (!streaming_) co_return std::exchange(request_.body, {});
  if (parser_.state() == RequestParser::State::kBody && parser_.body_bytes() == 0 &&
      parser_.expects_continue() && !std::exchange(continued_, true)) {
    if (auto sent = co_await WriteAll({"HTTP/1.1 100 Continue\r\n\r\n"}); !sent)
      co_return std::unexpected(sent.error());
  }
  for (;;) {
    if (gone_) co_return Fail(Code::kCancelled, "the client went away");
    std::string bytes = parser_.TakeBody();
    CountBody(0);
    if (!bytes.empty() || parser_.state() == RequestParser::State::kComplete) {
      Watch();
      co_return bytes;
    }
    if (parser_.state() == RequestParser::State::kRefused) {
      const Refusal& why = parser_.refusal();
      co_return Fail(why.status == 413 ? Code::kTooLarge : Code::kInvalidArgument, why.message, {},
                     std::string(why.reason));
    }
    if (!too_slow_.empty()) co_return Fail(Code::kTimeout, too_slow_, {}, "request_timeout");
    reading_body_ = true;
    Watch();
    const Result<void> waited = co_await wake_.Wait();
    reading_body_ = false;
    wake_.Reset();
    if (!waited) co_return std::unexpected(waited.error());
  }
}

Task<void> Connection::RunHandler() {
  ++shared_->exchanges;
  try {
    co_await shared_->handler(*this);
  } catch (const std::exception& e) {
    // Its words may hold what the client sent.
    LogError("a request handler threw {}", typeid(e).name());
  }
  --shared_->exchanges;
  if (replied_ || gone_) co_return;
  LogError("a request handler returned without an answer");
  co_await Refuse({500, "internal", "the server failed to answer this request"}, &request_);
}

Task<void> Connection::Refuse(Refusal refusal, const Request* request) {
  Reply reply = shared_->Render(refusal, request);
  if (refusal.status == 503 && !reply.headers.Find("retry-after"))
    reply.headers.Add("Retry-After", "1");
  // What the client still sends belongs to the request that was refused: this connection ends here.
  keep_alive_ = false;
  is_head_ = request && request->method == "HEAD";
  linger_ = true;
  if (request && head_checked_) AddCrossOriginFields(*request, reply.headers);
  replied_ = true;
  const std::string head = MakeHead(reply, BodyFraming::kLength, reply.body.size());
  const Result<void> sent = co_await WriteAll({head, is_head_ ? std::string_view() : reply.body});
  finished_ = sent.has_value();
}

// --- Ending
// --------------------------------------------------------------------------------------------------------

// Closing with unread bytes makes the kernel reset the connection, and the client may lose the
// answer. So: no more from us, and what still comes is read and dropped for a while.
Task<void> Connection::Linger() {
  shutdown(socket_.fd(), SHUT_WR);
  std::string().swap(pending_);
  Enter(Phase::kLingering);
  while (!gone_) {
    Watch();
    co_await wake_.Wait();
    wake_.Reset();
  }
}

void Connection::Close() {
  if (phase_ == Phase::kClosed) return;
  Enter(Phase::kClosed);
  gone_ = true;
  CountBody(0);
  if (reset_on_close_) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  socket_.Close();
  shared_->on_closed(this);
}

void Connection::Gone() {
  if (std::exchange(gone_, true)) return;
  wake_.Set();
  cancel_.Cancel();
}

void Connection::Kill() {
  if (phase_ == Phase::kHandling || writing_) reset_on_close_ = true;
  Gone();
}

void Connection::CloseIfIdle() {
  if (AwaitsRequest()) wake_.Set();
}

void Connection::Abandon() {
  const std::shared_ptr<Connection> self = shared_from_this();
  Kill();
  Close();
  wake_.Abandon();
}

void Connection::Enter(Phase phase) {
  phase_ = phase;
  since_ = Now();
  body_mark_ = 0;
}

void Connection::Tick(MonotonicTime now) {
  if (gone_) return;
  if (blocked_) {
    CheckWriteStall(now);
  } else if (phase_ == Phase::kLingering) {
    if (now - since_ > kLingerTime) Gone();
  } else if (BodyIsComing()) {
    // Only the client's time counts, not that of a handler that is busy with what came.
    if (reading_body_) {
      CheckBodyRate(now);
    } else {
      since_ = now;
      body_mark_ = parser_.body_bytes();
    }
  } else if (phase_ == Phase::kReading && !writing_) {
    const ServerOptions& options = shared_->options;
    if (!parser_.started()) {
      const Duration patience = origin_.over_limit ? std::min(options.idle_timeout, kOverLimitTime)
                                                   : options.idle_timeout;
      if (now - since_ > patience) Gone();
    } else if (parser_.state() == RequestParser::State::kBody) {
      CheckBodyRate(now);
    } else if (now - since_ > options.head_timeout) {
      TooSlow(fmt::format("the head of a request must be here within {} of its first byte",
                          Seconds(options.head_timeout)));
    }
  }
}

void Connection::TooSlow(std::string message) {
  too_slow_ = std::move(message);
  wake_.Set();
}

void Connection::CheckBodyRate(MonotonicTime now) {
  const ServerOptions& options = shared_->options;
  if (now - since_ < options.body_grace) return;
  const double least = static_cast<double>(options.body_bytes_per_s_min) *
                       std::chrono::duration<double>(options.body_grace).count();
  const uint64_t size = parser_.body_bytes();
  if (static_cast<double>(size - body_mark_) < least) {
    TooSlow(fmt::format("the body of a request must come with at least {} bytes in each {}",
                        static_cast<uint64_t>(least), Seconds(options.body_grace)));
  }
  since_ = now;
  body_mark_ = size;
}

}  // namespace weir::http
