// One connection of the server: reads requests, runs the handler for each, writes the answers.
// Internal to http.
//
// One coroutine (Run) goes through the requests one after the other. Reading is driven by a
// callback that is always armed, so that a client that leaves is noticed while its handler runs;
// what it pipelines meanwhile is kept up to kPipelineMax, and is not read further then. The body of
// a streamed request is read while its handler runs, up to kStreamedHeldMax ahead of it. Nothing is
// held for an idle connection but this object and its coroutine.
#pragma once

#include <sys/uio.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "async/descriptor.h"
#include "async/event.h"
#include "async/spawn.h"
#include "http/response.h"
#include "http/server.h"

namespace weir::http {

class Connection;

// What the connections of one server share.
struct Shared {
  static constexpr size_t kScratchBytes = 64 * 1024;

  Shared(Executor e, ServerOptions o, Handler h)
      : executor(std::move(e)),
        options(std::move(o)),
        handler(std::move(h)),
        policy(options.hosts) {}
  std::string_view Date();
  Reply Render(const Refusal& refusal, const Request* request) const;

  Executor executor;
  ServerOptions options;
  Handler handler;
  HostPolicy policy;
  std::function<void(Connection*)> on_closed;
  bool draining = false;
  uint64_t held_body_bytes = 0;
  size_t exchanges = 0;
  int64_t date_second = 0;
  std::string date;
  std::array<char, kScratchBytes> scratch;  // one recv at a time, used up before the next
};

class Connection final : public Exchange, public std::enable_shared_from_this<Connection> {
 public:
  struct Origin {
    std::string peer;
    std::string local_host;   // as in a Host field
    bool over_limit = false;  // gets a 503 whatever it asks
    bool late = false;        // came while the server drains: gets a 503, and holds nothing up
  };
  static constexpr size_t kPipelineMax = 16 * 1024;
  // Of a body that is handed on while it comes, held until the handler asks.
  static constexpr size_t kStreamedHeldMax = 512 * 1024;

  // Takes the descriptor, which is non-blocking.
  Connection(std::shared_ptr<Shared> shared, int fd, Origin origin);
  void Begin();

  void Tick(MonotonicTime now);
  // For drain: closes between requests.
  void CloseIfIdle();
  bool late() const { return origin_.late; }
  // The client is treated as gone, and sees the connection reset if anything was going on.
  void Kill();
  // Destroys the coroutine where it waits for the client; for the end of the server.
  void Abandon();

  Request& request() override { return request_; }
  Task<Result<std::string>> ReadBody() override;
  bool ClientGone() const override { return gone_; }
  bool replied() const override { return replied_; }
  Task<Result<void>> Send(Reply reply) override;
  void Start(Reply head) override;
  Task<Result<void>> Write(std::string_view bytes) override;
  Task<Result<void>> End() override;
  void Abort() override { broken_ = true; }

 private:
  enum class Phase : uint8_t { kReading, kHandling, kLingering, kClosed };

  Task<void> Run();
  Task<bool> NextRequest();
  Task<bool> OnHead();
  Task<bool> Serve();
  void EndBody();
  Task<void> RunHandler();
  Task<void> Refuse(Refusal refusal, const Request* request);
  Task<void> Linger();
  void Close();

  void Watch();
  void OnReadable();
  bool ReadOnce();
  void Consume(std::string_view bytes);
  void CountBody(uint64_t bytes);
  void Gone();
  void Enter(Phase phase);
  bool BodyIsComing() const { return streaming_ && parser_.state() == RequestParser::State::kBody; }
  // What the client sends next is, or will be, a part of this request.
  bool BodyUnfinished() const {
    return streaming_ && parser_.state() != RequestParser::State::kComplete;
  }
  bool HoldsEnough() const;
  void CheckBodyRate(MonotonicTime now);
  void TooSlow(std::string message);
  void CheckWriteStall(MonotonicTime now);

  std::optional<Refusal> CheckHead(const Request& request) const;
  std::string MakeHead(Reply& reply, BodyFraming framing, uint64_t length);
  Task<Result<void>> WriteAll(std::array<std::string_view, 4> parts);
  Task<Result<void>> WritePieces(std::span<iovec> pieces);
  bool AwaitsRequest() const { return phase_ == Phase::kReading && !parser_.started(); }

  std::shared_ptr<Shared> shared_;
  Descriptor socket_;
  const Origin origin_;
  Event wake_;  // something changed for NextRequest or Linger
  CancelHandle cancel_;
  RequestParser parser_;
  std::string pending_;  // bytes after the current request
  Phase phase_ = Phase::kReading;
  MonotonicTime
      since_;  // of the phase, the first byte of the head, or the current span of the body
  uint64_t body_mark_ = 0;
  uint64_t counted_body_ = 0;
  std::string too_slow_;  // what a request that took too long is told
  bool watching_ = false;
  bool gone_ = false;
  bool head_checked_ = false;
  bool continued_ = false;  // the client was told to send its body
  bool reset_on_close_ = false;
  bool linger_ = false;

  // Of the current exchange.
  Request request_;
  bool streaming_ = false;     // its body is handed on while it comes
  bool reading_body_ = false;  // the handler waits for it
  bool keep_alive_ = true;
  bool is_head_ = false;
  bool replied_ = false;
  bool finished_ = false;
  bool broken_ = false;
  BodyFraming framing_ = BodyFraming::kLength;
  std::string head_;  // of a stream, until it is sent

  bool writing_ = false;
  bool blocked_ = false;  // the socket takes nothing now
  int unsent_ = 0;        // bytes in the kernel's queue when last looked at
  MonotonicTime progress_at_;
};

}  // namespace weir::http
