// What the gateway's use cases share: the policy in force, the backends, and what is remembered of
// decisions. The use cases themselves are free functions, one file each (generate.h, embed.h,
// score.h); they know no HTTP and no dialect.
//
// I/O thread only. app/ builds one and keeps what it points to alive.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backends/backend.h"
#include "base/clock.h"
#include "base/result.h"
#include "chat/label.h"
#include "chat/principal.h"
#include "gateway/decision_log.h"
#include "routing/router.h"

namespace weir::gateway {

// Who asks, and what they said beside the body.
struct Asked {
  chat::Principal principal = {};
  std::optional<chat::Label> label = {};  // x-weir-label
  routing::Tier tier_max = routing::Tier::kCloud;
  bool explain = false;
  bool progress = false;  // x-weir-progress: a stream begins with the progress of its prompt
  std::optional<Duration> deadline = {};  // x-weir-deadline-ms, from now
};

struct Gateway {
  const Clock& clock;
  // The device tier. Other tiers get theirs when the door is there; a target names its backend.
  backends::Backend& engines;
  // The policy now. It is replaced as a whole when configuration or models change; a request keeps
  // the one it started with.
  std::function<std::shared_ptr<const routing::Policy>()> policy;
  chat::Label default_label = chat::Label::kInternal;
  // Whether a request that was let in may go on: its key may have expired or been revoked since.
  // Asked for each event of a generation, and every 250 ms while its stream
  // is silent. Empty: always.
  std::function<Result<void>(const chat::Principal& principal)> still_valid = {};
  DecisionLog decisions = {};
};

// The label of a request: the floor of its key, what the caller asserts, and the default where
// nobody said anything. It only rises: a caller cannot assert less than the key's floor.
chat::Label LabelOf(const Gateway& gateway, const Asked& asked);

// Whether a failure is the target's and not the request's: another target may do better.
bool MayMoveOn(Code code);

}  // namespace weir::gateway
