// Qdrant's REST API over the vector store. The dialect is in dialects/qdrant; here are the paths.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> QdrantVersion(Site& site, Call& call);      // GET /
Task<void> QdrantAliases(Site& site, Call& call);      // GET /aliases
Task<void> QdrantCollections(Site& site, Call& call);  // /collections and all below

}  // namespace weir::server
