// Frames on their way to the gateway: collected during a step, written at its end with one call.
//
// One thread, the engine's. Writing blocks: the gateway always reads (it buffers, and pauses
// requests whose clients are slow), and an engine without its gateway has nothing left to do.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::engine {

class Outbox {
 public:
  // Does not own `socket`.
  explicit Outbox(int socket) : socket_(socket) {}

  // `Kind` is wire::EngineFrame, or what another protocol has beside it (wire/quality.h).
  template <class Kind, class T>
  void Put(Kind kind, uint64_t request, const T& body) {
    PutEncoded(static_cast<wire::EngineFrame>(kind), request, wire::Encode(body));
  }
  void PutFailure(uint64_t request, const Error& error) {
    Put(wire::EngineFrame::kFailure, request, wire::FailureOf(error));
  }
  // A body that is over the limit of a frame becomes a Failure of its request.
  void PutEncoded(wire::EngineFrame kind, uint64_t request, std::string_view body);

  // False when the gateway is gone.
  bool Flush();

 private:
  int socket_;
  std::string bytes_ = {};
};

}  // namespace weir::engine
