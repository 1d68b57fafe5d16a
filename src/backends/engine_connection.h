// The gateway's end of one engine's socket: requests out, events back, several at once.
//
// I/O thread only. When the engine goes away, everything that waits on it gets a kBackendFailed
// error at once, and Gone() is set; the connection is of no further use then. Owned by shared_ptr:
// streams keep it alive until they end.
//
// The engine may be compromised by the model that it reads, so everything it sends is bounded: a
// stream whose reader is slow holds at most kStreamEventsMax events; then the engine is told to
// pause that request, and to resume it when the reader has caught up. An engine that goes on all
// the same is dropped. So is one that hangs: it owes an answer, and says nothing for longer than a
// step may take.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>

#include "async/descriptor.h"
#include "async/event.h"
#include "backends/backend.h"
#include "backends/outgoing_frames.h"
#include "backends/pulse.h"
#include "base/pace.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::backends {

inline constexpr size_t kStreamEventsMax = 256;  // then the engine is paused ...
inline constexpr size_t kStreamEventsBroken = 64 * kStreamEventsMax;  // ... and here dropped
// Answers that nobody has taken yet, of all requests of one engine.
inline constexpr size_t kHeldBytesMax = 4 * wire::kFrameBodyBytesMax;

class EngineConnection : public std::enable_shared_from_this<EngineConnection> {
 public:
  // Takes ownership of `socket`. `name` is the model's, for messages.
  static std::shared_ptr<EngineConnection> Open(const Executor& executor, int socket,
                                                std::string name,
                                                Duration step_timeout = std::chrono::minutes(2));
  ~EngineConnection();

  // Sends what to load and waits until the engine is ready. Once, first. Until it has returned,
  // nothing else may be called but Close. kUnavailable with the reason kLoadTimeout when the engine
  // shows no progress for `stall_max`: it hangs.
  static constexpr std::string_view kLoadTimeout = "load_timeout";
  Task<Result<wire::EngineInfo>> Load(wire::EngineSettings settings, Duration stall_max);

  // Encoded before they return: nothing of `request` is kept.
  std::unique_ptr<EventStream> Generate(const wire::Caller& caller,
                                        const chat::GenerateRequest& request);
  Task<Result<chat::Embeddings>> Embed(const wire::Caller& caller,
                                       const chat::EmbedRequest& request);
  Task<Result<chat::Scores>> Score(const wire::Caller& caller, const chat::ScoreRequest& request);
  Task<Result<wire::Tokens>> Tokenize(wire::Tokenize request);
  Task<Result<wire::Text>> Detokenize(wire::Detokenize request);
  Task<Result<wire::EngineStats>> QueryStats();

  const std::string& name() const { return name_; }
  const wire::EngineInfo& info() const { return info_; }
  // The figures that came last, whether or not somebody still waited for them.
  const wire::EngineStats& stats() const { return stats_; }
  float loading() const { return loading_; }  // 0..1 while Load runs
  size_t open_requests() const { return open_.size(); }
  // Set when the engine is gone.
  Event& Gone() { return gone_; }
  // Ends the conversation: the engine ends when it reads the end of the stream. Open requests get
  // `why`; the default says that somebody stopped the model.
  void Close();
  void Close(const Error& why);

 private:
  // What comes back for one request, in order, until an Error or the last frame.
  struct Request {
    explicit Request(const Executor& executor) : changed(executor) {}
    std::deque<wire::Frame> frames = {};
    size_t bytes = 0;  // of the frames
    std::optional<Error> error = {};
    Event changed;
    bool paused = false;
  };
  using OpenRequest = std::shared_ptr<Request>;
  class Stream;
  class CancelOnExit;

  EngineConnection(const Executor& executor, int socket, std::string name, Duration step_timeout);
  static Task<void> Read(std::shared_ptr<EngineConnection> self);
  static Task<void> Write(std::shared_ptr<EngineConnection> self);
  static Task<void> Guard(std::shared_ptr<EngineConnection> self);
  Result<bool> ReadSome(wire::FrameReader& frames, std::span<char> buffer);
  Result<void> TakeFrames(wire::FrameReader& frames);
  Result<void> Take(wire::Frame frame);
  Result<void> Keep(wire::Frame frame, Request& request);
  wire::Frame PopFrame(Request& request);
  void TakeLoading(const wire::Frame& frame);
  Error Ended() const;
  Error Hangs(Duration stall_max) const;
  Error Hung() const;
  // The engine is to answer what was sent.
  void Owe();
  bool busy() const { return loaded_ && !open_.empty(); }

  void CountEnd();

  void Send(wire::EngineFrame kind, uint64_t id, std::string_view body);
  std::pair<uint64_t, OpenRequest> Start(wire::EngineFrame kind, std::string_view body);
  void Leave(uint64_t id, Request& request);
  void ResumeIfDrained(uint64_t id, Request& request);
  template <class Reply>
  Task<Result<Reply>> Ask(wire::EngineFrame kind, std::string body, wire::EngineFrame reply_kind);

  Executor executor_;
  Descriptor socket_;
  std::string name_;
  wire::EngineInfo info_ = {};
  wire::EngineStats stats_ = {};
  float loading_ = 0;
  std::optional<Result<wire::EngineInfo>> loaded_ = {};
  Event load_changed_;
  Event gone_;
  Event to_watch_;  // the engine owes something
  const Duration step_timeout_;
  Pulse pulse_;
  OutgoingFrames outgoing_;
  uint64_t next_id_ = 1;
  size_t held_bytes_ = 0;  // of the frames of all requests
  std::unordered_map<uint64_t, OpenRequest> open_ = {};
  Pace ends_ = {};  // of requests
  MonotonicTime last_end_ = {};
};

}  // namespace weir::backends
