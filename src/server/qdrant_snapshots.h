// Qdrant's snapshots of collections. The files are the vector store's (vectors/store.h); here are
// the paths, and the two that carry a file.
#pragma once

#include <span>
#include <string>

#include "async/task.h"
#include "base/result.h"
#include "server/call.h"
#include "server/site.h"
#include "server/vector_calls.h"

namespace weir::server {

// Lists, makes, removes, recovers from one that is here. `path`: behind "snapshots". Runs on the
// pool.
Result<std::string> AnswerQdrantSnapshots(const Shelf& shelf, const std::string& collection,
                                          std::span<const std::string> path,
                                          const VectorRequest& request);

Task<void> QdrantSnapshot(Site& site, Call& call);        // GET one: its file
Task<void> QdrantSnapshotUpload(Site& site, Call& call);  // a form with a file

}  // namespace weir::server
