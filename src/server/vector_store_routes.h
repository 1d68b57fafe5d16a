// /v1/vector_stores: collections of documents as OpenAI's clients use them (docs/vector-stores.md).
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> PostVectorStores(Site& site, Call& call);
Task<void> GetVectorStores(Site& site, Call& call);
Task<void> GetVectorStore(Site& site, Call& call);
Task<void> PostVectorStore(Site& site, Call& call);
Task<void> DeleteVectorStore(Site& site, Call& call);
Task<void> PostVectorStoreSearch(Site& site, Call& call);

// Their files (vector_store_files.cc).
Task<void> PostStoreFiles(Site& site, Call& call);
Task<void> GetStoreFiles(Site& site, Call& call);
Task<void> GetStoreFile(Site& site, Call& call);
Task<void> PostStoreFile(Site& site, Call& call);
Task<void> DeleteStoreFile(Site& site, Call& call);
Task<void> GetStoreFileContent(Site& site, Call& call);
Task<void> PostFileBatch(Site& site, Call& call);
Task<void> GetFileBatch(Site& site, Call& call);
Task<void> CancelFileBatch(Site& site, Call& call);
Task<void> GetBatchFiles(Site& site, Call& call);

}  // namespace weir::server
