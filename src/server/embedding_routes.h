// /weir/v1/collections/NAME/embedding: which model embeds a collection's documents, and the change
// to another one (docs/knowledge.md).
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> GetEmbedding(Site& site, Call& call);
// Begins a change, which goes on in the background: 202, or 200 where there is nothing to do.
Task<void> PostEmbedding(Site& site, Call& call);
// Ends one that is under way: the collection stays as it was.
Task<void> DeleteEmbedding(Site& site, Call& call);

}  // namespace weir::server
