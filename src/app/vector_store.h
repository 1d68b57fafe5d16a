// The server's one vector store, in the folder `vectors` of the data folder, and the threads on
// which calls to it run: a search or a synced write would hold up every stream on the I/O thread.
// Owned by the gateway; handlers get references (server::Site). Collections are named by
// vectors::Joined.
#pragma once

#include <filesystem>
#include <memory>

#include "async/worker_pool.h"
#include "base/result.h"
#include "vectors/store.h"

namespace weir::app {

struct VectorStore {
  std::shared_ptr<vectors::Store> store;
  std::unique_ptr<WorkerPool> workers;  // ends before the store
};

Result<VectorStore> OpenVectorStore(const std::filesystem::path& data_folder,
                                    const Executor& executor);

}  // namespace weir::app
