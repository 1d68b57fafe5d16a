// Weir's own routes for what lies beyond this machine: how backends and their targets are doing,
// and what a backend says of itself.
#pragma once

#include "async/task.h"
#include "json/writer.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

// Those that run for backends, as a list.
void AppendServers(json::Writer& writer, const Site& site);
// GET /weir/v1/backends
Task<void> GetBackends(Site& site, Call& call);
// POST /weir/v1/probe/NAME
Task<void> PostProbe(Site& site, Call& call);

}  // namespace weir::server
