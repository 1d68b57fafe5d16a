// A few threads for calls that block (a search, a write that is synced), so that the thread of a
// Loop goes on with its streams meanwhile. Calls wait in one bounded queue, the oldest first.
//
// Run is for coroutines of one Loop; calls run on the pool's threads, several at a time. A caller
// that is cancelled goes on at once; its call, once taken, runs to its end all the same, so that
// what a call uses must be its own or outlive the pool. A call whose caller is gone before a thread
// takes it is left out. A call that throws gives an error: kUnavailable with the reason no_memory
// for memory that was refused, kInternal for what is a bug.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "async/channel.h"
#include "async/event.h"
#include "async/task.h"
#include "base/no_memory.h"
#include "base/result.h"

namespace weir {

class WorkerPool {
 public:
  WorkerPool(Executor executor, size_t threads, size_t waiting_max);
  ~WorkerPool();  // finishes what waits
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // kUnavailable, reason "workers_busy" and with a time to come back, when the queue is full;
  // kCancelled when the caller's tree was cancelled.
  template <class T>
  Task<Result<T>> Run(std::move_only_function<Result<T>()> call) {
    struct Shared {
      explicit Shared(const Executor& on) : done(on), set_done(done.Setter()) {}
      Event done;
      std::function<void()> set_done;
      std::atomic<bool> left = false;  // by its caller
      Result<T> result = Fail(Code::kInternal, "nothing came of it");
    };
    // Says that nobody waits any more, however the coroutine ends.
    struct Leaving {
      std::shared_ptr<Shared> shared;
      ~Leaving() { shared->left = true; }
    };
    const Leaving leaving{std::make_shared<Shared>(executor_)};
    Job job = [shared = leaving.shared, call = std::move(call)]() mutable {
      if (shared->left) return;
      shared->result = Answer(call);
      shared->set_done();
    };
    if (auto pushed = Push(std::move(job)); !pushed) co_return Fail(std::move(pushed.error()));
    if (auto waited = co_await leaving.shared->done.Wait(); !waited) co_return Fail(waited.error());
    co_return std::move(leaving.shared->result);
  }

  size_t waiting() const { return jobs_.size(); }

 private:
  using Job = std::move_only_function<void()>;

  // What a call throws is its caller's error: the other callers' work goes on.
  template <class T>
  static Result<T> Answer(std::move_only_function<Result<T>()>& call) {
    try {
      return OrNoMemory(call);
    } catch (const std::exception& error) {
      return Thrown(error);
    }
  }
  static std::unexpected<Error> Thrown(const std::exception& error);

  Result<void> Push(Job job);

  const Executor executor_;
  Channel<Job> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace weir
