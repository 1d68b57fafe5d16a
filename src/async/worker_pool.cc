#include "async/worker_pool.h"

#include "base/check.h"
#include "base/log.h"

namespace weir {

WorkerPool::WorkerPool(Executor executor, size_t threads, size_t waiting_max)
    : executor_(std::move(executor)), jobs_(waiting_max) {
  CHECK(threads > 0, "a pool has at least one thread");
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      while (auto job = jobs_.Pop()) (*job)();
    });
  }
}

WorkerPool::~WorkerPool() {
  jobs_.Close();
  for (std::thread& thread : threads_) thread.join();
}

std::unexpected<Error> WorkerPool::Thrown(const std::exception& error) {
  LogError("a call of the worker pool ended with an exception: {}", error.what());
  return Fail(Code::kInternal, "the call failed; the log says more");
}

Result<void> WorkerPool::Push(Job job) {
  if (jobs_.Push(std::move(job))) return {};
  return Fail({.code = Code::kUnavailable,
               .message = "too many calls wait for the disk; try again soon",
               .reason = "workers_busy",
               .retry_after_s = 1});
}

}  // namespace weir
