// What the reader thread hands to the engine thread: requests that are ready to run, and words
// about running ones.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "async/channel.h"
#include "base/clock.h"
#include "base/result.h"
#include "engine/preparation.h"
#include "engine/step_watch.h"
#include "wire/engine.h"

namespace weir::engine {

struct StartGenerate {
  uint64_t id = 0;
  CancelFlag cancelled = {};
  MonotonicTime received = {};
  PreparedGenerate work = {};
};
struct StartEmbed {
  uint64_t id = 0;
  CancelFlag cancelled = {};
  MonotonicTime received = {};
  PreparedEmbed work = {};
};
struct StartScore {
  uint64_t id = 0;
  CancelFlag cancelled = {};
  PreparedScore work = {};
};
struct CancelRequest {
  uint64_t id = 0;
};
struct PauseRequest {
  uint64_t id = 0;
  bool paused = true;
};
struct StatsRequest {
  uint64_t id = 0;
};
// An answer that needed no engine thread; only that thread writes to the socket.
struct ReadyReply {
  uint64_t id = 0;
  wire::EngineFrame kind = wire::EngineFrame::kFailure;
  std::string body = {};
};

using InboxItem = std::variant<StartGenerate, StartEmbed, StartScore, CancelRequest, PauseRequest,
                               StatsRequest, ReadyReply>;
using Inbox = Channel<InboxItem>;

// Cancels of all open requests, and as many starts again, fit at once.
inline constexpr size_t kInboxMax = 4 * wire::kRequestsOpenMax;

}  // namespace weir::engine
