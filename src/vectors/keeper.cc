#include "vectors/keeper.h"

#include <algorithm>
#include <utility>

#include "base/background.h"

namespace weir::vectors {
namespace {

constexpr int kNice = 10;  // a search wants its index some time

}  // namespace

void KeeperQueue::Ask(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    queue_.push_back(std::move(work));
  }
  changed_.notify_all();
}

void KeeperQueue::AskAt(int64_t key, WallTime time, Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    const auto known = later_.find(key);
    if (known != later_.end() && known->second.time <= time) return;
    later_[key] = {time, std::move(work)};
  }
  changed_.notify_all();
}

void KeeperQueue::Stop() {
  stop_ = true;
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
    later_.clear();
  }
  changed_.notify_all();
}

KeeperQueue::Work KeeperQueue::Next() {
  std::unique_lock lock(mutex_);
  Work due;
  while (!stop_ && queue_.empty() && !(due = TakeDue())) {
    if (later_.empty()) {
      changed_.wait(lock);
      continue;
    }
    // A far time could overflow what the system counts in.
    WallTime until = SystemClock().WallNow() + std::chrono::hours(1);
    for (const auto& [key, later] : later_) until = std::min(until, later.time);
    changed_.wait_until(lock, until);
  }
  if (stop_ || due) return stop_ ? Work() : std::move(due);
  Work work = std::move(queue_.front());
  queue_.pop_front();
  return work;
}

// What has been due the longest, or nothing.
KeeperQueue::Work KeeperQueue::TakeDue() {
  const auto first =
      std::ranges::min_element(later_, {}, [](const auto& later) { return later.second.time; });
  if (first == later_.end() || first->second.time > SystemClock().WallNow()) return {};
  Work work = std::move(first->second.work);
  later_.erase(first);
  return work;
}

Keeper::Keeper()
    : thread_([queue = queue_] {
        WorkInBackground(kNice);
        while (const auto work = queue->Next()) work(queue->stop_);
      }) {}

Keeper::~Keeper() {
  queue_->Stop();
  thread_.join();
}

}  // namespace weir::vectors
