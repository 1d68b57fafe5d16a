#include "vectors/keeper.h"

#include <utility>

#include "base/background.h"

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
  WorkInBackground();
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
