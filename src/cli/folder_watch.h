// Tells when something changed in folders, by inotify. What changed is the caller's to find out: a
// hint may be early, may stand for many changes, and may be missing (network file systems, no room
// for more watches), so whoever waits looks again from time to time anyway.
#pragma once

#include <filesystem>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/result.h"
#include "process/fd.h"

namespace weir::cli {

class FolderWatch {
 public:
  enum class Woken : uint8_t { kChanged, kTime, kInterrupted };
  // After a change it waits until nothing more has come for kQuiet, but no longer than kQuietMost:
  // programs write files in several steps.
  static constexpr Duration kQuiet = std::chrono::milliseconds(300);
  static constexpr Duration kQuietMost = std::chrono::seconds(5);

  static Result<FolderWatch> Open();

  // These folders, each without those below, instead of what was watched. False when the kernel
  // takes not all of them.
  bool Watch(const std::set<std::filesystem::path>& folders);
  // kInterrupted when `interrupt` becomes readable.
  Woken Wait(int interrupt, Duration patience);

 private:
  explicit FolderWatch(Fd inotify) : inotify_(std::move(inotify)) {}
  void Drain() const;

  Fd inotify_;
  std::map<std::filesystem::path, int> watched_ = {};
};

}  // namespace weir::cli
