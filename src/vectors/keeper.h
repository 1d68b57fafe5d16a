// The store's thread for work that nobody waits for: building indexes and erasing what has expired,
// one collection after the other. Ask from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace weir::vectors {

// What waits for the keeper. Whoever asks holds this, not the thread, and may outlive it: then what
// is asked for does not happen.
class KeeperQueue {
 public:
  using Work = std::function<void(const std::atomic<bool>& stop)>;  // must not throw

  void Ask(Work work);
  // When the machine's clock shows that time. One wish for each `key`: the earlier one stays.
  void AskAt(int64_t key, WallTime time, Work work);

 private:
  friend class Keeper;
  struct Later {
    WallTime time;
    Work work;
  };
  void Stop();
  // Nothing when it is to end.
  Work Next();
  Work TakeDue();

  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;          // under mutex_
  std::map<int64_t, Later> later_;  // under mutex_
};

// Destroying it stops the work at the next row, and drops what waits.
class Keeper {
 public:
  Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper();

  const std::shared_ptr<KeeperQueue>& queue() const { return queue_; }

 private:
  const std::shared_ptr<KeeperQueue> queue_ = std::make_shared<KeeperQueue>();
  std::thread thread_;
};

}  // namespace weir::vectors
