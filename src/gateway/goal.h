// The goal of a route, applied to a decision: whether its request goes to the cloud first.
//
// I/O thread only.
#pragma once

#include "chat/request.h"
#include "gateway/gateway.h"
#include "routing/decision.h"

namespace weir::gateway {

// Puts the eligible targets of the cloud before the others, in their order, where the goal of the
// asked route says so, and behind them where it does not; writes a line into the explanation. A
// decision without a goal, or without a choice between tiers, stays as it is, and so does a chat
// that waits for an answer to a tool's result: what began a loop of tools ends it.
void FollowGoal(Gateway& gateway, const chat::GenerateRequest& request,
                routing::Decision& decision);

}  // namespace weir::gateway
