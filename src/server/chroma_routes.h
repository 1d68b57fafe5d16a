// Chroma's API, version 2, over the vector store. The dialect is in dialects/chroma; here are the
// paths. Chroma's tenant is the key's: it is called "default_tenant", or by its own name.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> Chroma(Site& site, Call& call);     // /api/v2 and all below
Task<void> ChromaOne(Site& site, Call& call);  // /api/v1: no longer

}  // namespace weir::server
