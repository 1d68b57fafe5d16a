// Hashes a file while it is written, on a thread of its own: always behind the bytes that are there
// without a gap. What is hashed is what was written, read back from the page cache. It also tells
// the disk to begin writing, so that the sync at the end has little left to do.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "hash/hash.h"

namespace weir::fetch {

class Follower {
 public:
  // Begins at the file's start. `fd` outlives the follower.
  explicit Follower(int fd);
  ~Follower();  // drops what is not hashed yet
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // The file is there up to `position`, which never goes back.
  void Advance(uint64_t position);
  // Waits until everything up to the last Advance is hashed. Empty when the file cannot be read.
  std::string Finish();

 private:
  void Run();
  void HashUpTo(uint64_t end);

  const int fd_;
  std::atomic<uint64_t> wanted_{0};  // shifted by one; the low bit says that no more will come
  uint64_t position_ = 0;
  bool failed_ = false;
  std::atomic<bool> dropped_{false};  // nobody wants the hash any more
  Sha256 hash_;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace weir::fetch
