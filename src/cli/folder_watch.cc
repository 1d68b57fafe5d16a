#include "cli/folder_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace weir::cli {
namespace {

constexpr uint32_t kChanges = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_DELETE_SELF |
                              IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR |
                              IN_EXCL_UNLINK;

// Which of the two became readable first; -1: the time is over.
int PollTwo(int first, int second, Duration patience) {
  std::array<pollfd, 2> both{{{first, POLLIN, 0}, {second, POLLIN, 0}}};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  if (poll(both.data(), both.size(), static_cast<int>(std::clamp<int64_t>(ms, 0, 3'600'000))) <=
      0) {
    return -1;
  }
  return both[0].revents != 0 ? first : second;
}

}  // namespace

Result<FolderWatch> FolderWatch::Open() {
  Fd inotify(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.valid()) {
    return Fail(Code::kUnavailable,
                "the kernel cannot watch folders (no inotify instance is left)");
  }
  return FolderWatch(std::move(inotify));
}

bool FolderWatch::Watch(const std::set<std::filesystem::path>& folders) {
  std::erase_if(watched_, [&](const auto& item) {
    if (folders.contains(item.first)) return false;
    inotify_rm_watch(inotify_.get(), item.second);
    return true;
  });
  bool all = true;
  for (const auto& folder : folders) {
    // Again also for those that are watched: a folder may have been replaced by another one.
    const int watch = inotify_add_watch(inotify_.get(), folder.c_str(), kChanges);
    if (watch < 0) {
      all = false;
    } else {
      watched_[folder] = watch;
    }
  }
  return all;
}

void FolderWatch::Drain() const {
  std::array<char, 16 * 1024> events;
  while (read(inotify_.get(), events.data(), events.size()) > 0) {
  }
}

FolderWatch::Woken FolderWatch::Wait(int interrupt, Duration patience) {
  const int first = PollTwo(interrupt, inotify_.get(), patience);
  if (first < 0) return Woken::kTime;
  if (first == interrupt) return Woken::kInterrupted;
  const MonotonicTime most = SystemClock().Now() + kQuietMost;
  for (;;) {
    Drain();
    const Duration left = most - SystemClock().Now();
    const int more = PollTwo(interrupt, inotify_.get(), std::min<Duration>(kQuiet, left));
    if (more == interrupt) return Woken::kInterrupted;
    if (more < 0 || left <= Duration::zero()) return Woken::kChanged;
  }
}

}  // namespace weir::cli
