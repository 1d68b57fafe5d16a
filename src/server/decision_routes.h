// Weir's own routes about decisions: what was decided and why, what their users thought of the
// answers, and what is learnt from that.
#pragma once

#include <string>

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> GetDecisions(Site& site, Call& call);
Task<void> GetDecision(Site& site, Call& call);
// POST .../ID/vote {"vote": "up" | "down" | null}
Task<void> PostVote(Site& site, Call& call);
// The policy in force: its version, and what was learnt.
Task<void> GetPolicy(Site& site, Call& call);
Task<void> PostLearn(Site& site, Call& call);
// Prometheus' text format.
std::string RenderHistory(const history::Store& history);

}  // namespace weir::server
