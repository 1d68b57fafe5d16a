// /weir/v1/collections/NAME/documents and /search: documents in, passages out (docs/knowledge.md).
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> GetDocuments(Site& site, Call& call);
Task<void> GetDocument(Site& site, Call& call);
Task<void> PutDocument(Site& site, Call& call);
Task<void> DeleteDocument(Site& site, Call& call);
Task<void> PostSearch(Site& site, Call& call);

}  // namespace weir::server
