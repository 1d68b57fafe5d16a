#include "fetch/follower.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace weir::fetch {
namespace {
constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr uint64_t kWriteOutBytes = uint64_t{32} << 20;
}  // namespace

Follower::Follower(int fd) : fd_(fd), thread_([this] { Run(); }) {}

Follower::~Follower() {
  dropped_.store(true);
  if (thread_.joinable()) (void)Finish();
}

void Follower::Advance(uint64_t position) {
  wanted_.store(position << 1);
  wanted_.notify_one();
}

std::string Follower::Finish() {
  wanted_.fetch_or(1);
  wanted_.notify_one();
  thread_.join();
  return failed_ ? "" : hash_.Hex();
}

void Follower::HashUpTo(uint64_t end) {
  std::vector<std::byte> block(kBlockBytes);
  uint64_t written_out = position_;
  while (position_ < end && !failed_ && !dropped_.load()) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(block.size(), end - position_));
    const ssize_t got = pread(fd_, block.data(), want, static_cast<off_t>(position_));
    if (got < 0 && errno == EINTR) continue;
    failed_ = got <= 0;
    if (failed_) break;
    hash_.Add(std::span(block.data(), static_cast<size_t>(got)));
    position_ += static_cast<uint64_t>(got);
    if (position_ - written_out >= kWriteOutBytes) {
      sync_file_range(fd_, static_cast<off_t>(written_out),
                      static_cast<off_t>(position_ - written_out), SYNC_FILE_RANGE_WRITE);
      written_out = position_;
    }
  }
}

void Follower::Run() {
  for (;;) {
    const uint64_t wanted = wanted_.load();
    HashUpTo(wanted >> 1);
    if ((wanted & 1) != 0) return;
    wanted_.wait(wanted);
  }
}

}  // namespace weir::fetch
