// Weir's own routes for operators: engines, targets, keys.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> GetTargets(Site& site, Call& call);
Task<void> GetEngines(Site& site, Call& call);
Task<void> PostLoad(Site& site, Call& call);
Task<void> PostStop(Site& site, Call& call);
Task<void> GetKeys(Site& site, Call& call);
Task<void> PostKey(Site& site, Call& call);
Task<void> DeleteKey(Site& site, Call& call);

}  // namespace weir::server
