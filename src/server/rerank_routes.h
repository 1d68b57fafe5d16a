// POST /v1/rerank and its other names: documents in the order of how well they fit a query.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> PostRerank(Site& site, Call& call);

}  // namespace weir::server
