// POST /weir/v1/score: log-probabilities of given continuations after a prompt, nothing generated.
// The base of classification (`weir classify`) and of draft checks. docs/scoring.md describes the
// wire form.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> PostScore(Site& site, Call& call);

}  // namespace weir::server
