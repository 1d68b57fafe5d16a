// The gateway's end of one engine's socket: requests out, events back, several at once.
//
// I/O thread only. When the engine goes away, everything that waits on it gets a kBackendFailed
// error at once, and Gone() is set; the connection is of no further use then. Owned by shared_ptr:
// streams keep it alive until they end.
//
// Back-pressure: a stream whose reader is slow holds at most kStreamEventsMax events; then the
// engine is told to pause that request, and to resume it when the reader has caught up.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>

#include "async/descriptor.h"
#include "async/event.h"
#include "backends/backend.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::backends {

inline constexpr size_t kStreamEventsMax = 256;

class EngineConnection : public std::enable_shared_from_this<EngineConnection> {
 public:
  // Takes ownership of `socket`. `name` is the model's, for messages.
  static std::shared_ptr<EngineConnection> Open(const Executor& executor, int socket,
                                                std::string name);
  ~EngineConnection();

  // Sends what to load and waits until the engine is ready. Once, first. Until it has returned,
  // nothing else may be called.
  Task<Result<wire::EngineInfo>> Load(wire::EngineSettings settings);

  std::unique_ptr<EventStream> Generate(const wire::Generate& request);
  Task<Result<chat::Embeddings>> Embed(wire::Embed request);
  Task<Result<chat::Scores>> Score(wire::Score request);
  Task<Result<wire::Tokens>> Tokenize(wire::Tokenize request);
  Task<Result<wire::Text>> Detokenize(wire::Detokenize request);
  Task<Result<wire::EngineStats>> QueryStats();

  const std::string& name() const { return name_; }
  const wire::EngineInfo& info() const { return info_; }
  float loading() const { return loading_; }  // 0..1 while Load runs
  size_t open_requests() const { return open_.size(); }
  // Set when the engine is gone.
  Event& Gone() { return gone_; }
  // Ends the conversation: the engine ends when it reads the end of the stream.
  void Close();

 private:
  // What comes back for one request, in order, until an Error or the last frame.
  struct Request {
    explicit Request(const Executor& executor) : changed(executor) {}
    std::deque<wire::Frame> frames = {};
    std::optional<Error> error = {};
    Event changed;
    bool paused = false;
  };
  using OpenRequest = std::shared_ptr<Request>;
  class Stream;
  class CancelOnExit;

  EngineConnection(const Executor& executor, int socket, std::string name);
  static Task<void> Read(std::shared_ptr<EngineConnection> self);
  static Task<void> Write(std::shared_ptr<EngineConnection> self);
  Task<Result<void>> ReadSome(wire::FrameReader& frames);
  Result<void> TakeFrames(wire::FrameReader& frames);
  Result<void> Take(wire::Frame frame);
  void TakeLoading(const wire::Frame& frame);
  void Lose(const Error& error);

  void Send(wire::EngineFrame kind, uint64_t id, std::string_view body);
  std::pair<uint64_t, OpenRequest> Start(wire::EngineFrame kind, std::string_view body);
  void Cancel(uint64_t id);
  void ResumeIfDrained(uint64_t id, Request& request);
  template <class Reply>
  Task<Result<Reply>> Ask(wire::EngineFrame kind, std::string body, wire::EngineFrame reply_kind);

  Executor executor_;
  Descriptor socket_;
  std::string name_;
  wire::EngineInfo info_ = {};
  float loading_ = 0;
  std::optional<Result<wire::EngineInfo>> loaded_ = {};
  Event load_changed_;
  Event gone_;
  Event to_write_;
  std::string outgoing_ = {};
  uint64_t next_id_ = 1;
  std::unordered_map<uint64_t, OpenRequest> open_ = {};
};

}  // namespace weir::backends
