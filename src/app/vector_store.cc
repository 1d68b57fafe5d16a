#include "app/vector_store.h"

#include <algorithm>
#include <thread>

namespace weir::app {
namespace {

// Writers wait for each other, so more threads than cores serve only searches that read payloads.
constexpr size_t kThreadsLeast = 2;
constexpr size_t kThreadsMost = 8;
constexpr size_t kWaitingMax = 256;  // each holds a request's body

}  // namespace

Result<VectorStore> OpenVectorStore(const std::filesystem::path& data_folder,
                                    const Executor& executor) {
  auto store = vectors::Store::Open(data_folder / "vectors");
  if (!store) return Fail(std::move(store.error()));
  const size_t threads =
      std::clamp<size_t>(std::thread::hardware_concurrency(), kThreadsLeast, kThreadsMost);
  return VectorStore{.store = std::move(*store),
                     .workers = std::make_unique<WorkerPool>(executor, threads, kWaitingMax)};
}

}  // namespace weir::app
