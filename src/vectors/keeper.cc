#include "vectors/keeper.h"

#include <sys/resource.h>

#include <utility>

namespace weir::vectors {

Keeper::Keeper() : thread_([this] { Run(); }) {}

Keeper::~Keeper() {
  stop_ = true;
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
  }
  changed_.notify_all();
  thread_.join();
}

void Keeper::Ask(Work work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  changed_.notify_all();
}

void Keeper::Run() {
#if defined(__linux__)
  // Whoever waits for an answer goes first; on Linux this is of the calling thread alone.
  constexpr int kNice = 10;
  setpriority(PRIO_PROCESS, 0, kNice);
#endif
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || !queue_.empty(); });
      if (stop_) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work(stop_);
  }
}

}  // namespace weir::vectors
