// The gateway's end of one egress process's socket: permitted calls out, answers back, many at
// once.
//
// I/O thread only. When the egress process goes away, every call gets a kBackendFailed error at
// once and Gone() is set. Owned by shared_ptr: calls keep it alive until they end. The egress
// process reads what providers send, so it is believed as little as an engine: what it sends is
// bounded, and one that breaks the protocol is dropped.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "async/descriptor.h"
#include "async/event.h"
#include "async/task.h"
#include "backends/outgoing_frames.h"
#include "base/clock.h"
#include "base/result.h"
#include "chat/provider.h"
#include "privacy/permit.h"
#include "wire/egress.h"
#include "wire/frame.h"

namespace weir::backends {

// One answer on its way. Destroying it ends the call at the provider.
class DoorCall {
 public:
  using Piece = std::variant<wire::EgressHead, std::string, wire::EgressEnd>;
  virtual ~DoorCall() = default;
  // Head, then body bytes, then the end; an Error is the end too. Not called after either. Bytes
  // that were taken make room for more: not taking them is the back-pressure.
  virtual Task<Result<Piece>> Next() = 0;
};

// Reads what is left of an answer whose last event has come, so that the provider's connection can
// be used again: a call that is ended early costs its connection. Not beyond `until`. `done` is
// called with the call's end.
Task<void> ReadOut(std::unique_ptr<DoorCall> call, MonotonicTime until,
                   std::move_only_function<void()> done);

class DoorConnection : public std::enable_shared_from_this<DoorConnection> {
 public:
  // Takes ownership of `socket`.
  static std::shared_ptr<DoorConnection> Open(const Executor& executor, int socket);
  ~DoorConnection();

  // Once, first: says which key seals permits, and hears what the door holds.
  Task<Result<wire::EgressReady>> Greet(std::string mac_key);

  // The only way out. The permit is for exactly this call, or the door refuses it.
  std::unique_ptr<DoorCall> Send(privacy::Permit permit, const chat::ProviderCall& call,
                                 const wire::EgressTimeouts& timeouts);

  size_t open_calls() const { return open_.size(); }
  Event& Gone() { return gone_; }
  // Ends the conversation, and with it the egress process. Open calls fail.
  void Close();
  // When its Loop ends: nobody will resume its own coroutines, which own it.
  void Abandon();

 private:
  struct Open_;
  using OpenCall = std::shared_ptr<Open_>;
  class Call;

  DoorConnection(const Executor& executor, int socket);
  static Task<void> Read(std::shared_ptr<DoorConnection> self);
  static Task<void> Write(std::shared_ptr<DoorConnection> self);
  Result<bool> ReadSome(wire::FrameReader& frames);
  Result<void> Take(wire::Frame frame);
  Result<void> TakeForCall(wire::EgressFrame kind, wire::Frame frame, const OpenCall& call);
  void SendFrame(wire::EgressFrame kind, uint64_t id, std::string_view body);
  void Leave(uint64_t id);
  void End(const Error& why);

  Executor executor_;
  Descriptor socket_;
  std::optional<Result<wire::EgressReady>> ready_ = {};
  Event ready_changed_;
  Event gone_;
  OutgoingFrames outgoing_;
  uint64_t next_id_ = 1;
  std::unordered_map<uint64_t, OpenCall> open_ = {};
};

}  // namespace weir::backends
