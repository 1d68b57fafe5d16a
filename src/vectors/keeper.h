// The store's thread for work that nobody waits for: building indexes, one collection after the
// other. Ask from any thread; destroying it stops the work at the next row.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>

#include "async/mutex.h"

namespace weir::vectors {

class Keeper {
 public:
  using Work = std::function<void(const std::atomic<bool>& stop)>;

  Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper();

  void Ask(Work work);

 private:
  void Run();

  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;  // under mutex_
  std::thread thread_;
};

}  // namespace weir::vectors
