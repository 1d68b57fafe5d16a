// Whether the process lives, whether it may be sent requests, and its figures.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> GetLive(Site& site, Call& call);
// 200 when requests are welcome. While it drains, the HTTP server itself answers 503.
Task<void> GetReady(Site& site, Call& call);
Task<void> GetMetrics(Site& site, Call& call);
Task<void> GetVersion(Site& site, Call& call);

}  // namespace weir::server
