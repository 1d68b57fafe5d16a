#include "process/captured.h"

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace weir {
namespace {

constexpr size_t kBlockBytes = 16 * 1024;

// What is there now; false at the end.
bool ReadSome(int from, std::string& to) {
  std::array<char, kBlockBytes> block;
  const ssize_t got = read(from, block.data(), block.size());
  if (got > 0) to.append(block.data(), static_cast<size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

// For poll; 0 when the time has come.
int MillisecondsUntil(MonotonicTime until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SystemClock().Now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

}  // namespace

Result<Captured> Capture(ChildSpec spec, size_t bytes_max, Duration limit) {
  auto output = MakePipe();
  auto errors = MakePipe();
  if (!output || !errors) return Fail(output ? errors.error() : output.error());
  spec.descriptors[1] = output->write.get();
  spec.descriptors[2] = errors->write.get();
  auto child = Child::Spawn(spec);
  if (!child) return Fail(child.error());
  output->write.Reset();
  errors->write.Reset();
  const MonotonicTime until = SystemClock().Now() + limit;
  Captured captured;
  std::array<pollfd, 2> open{{{output->read.get(), POLLIN, 0}, {errors->read.get(), POLLIN, 0}}};
  const auto too_slow = [&] {
    return Fail(Code::kDeadlineExceeded, fmt::format("{} took too long", spec.program), {},
                "program_too_slow");
  };
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    const int left = MillisecondsUntil(until);
    if (left == 0) return too_slow();
    if (poll(open.data(), open.size(), left) < 0) continue;
    if (open[0].revents != 0 && !ReadSome(open[0].fd, captured.output)) open[0].fd = -1;
    if (open[1].revents != 0 && !ReadSome(open[1].fd, captured.errors)) open[1].fd = -1;
    if (captured.output.size() > bytes_max) {
      return Fail(Code::kTooLarge, fmt::format("{} printed over {} bytes", spec.program, bytes_max),
                  {}, "program_output_too_large");
    }
    if (captured.errors.size() > 2 * kErrorBytesMax) {
      captured.errors.erase(0, captured.errors.size() - kErrorBytesMax);
    }
  }
  pollfd ended{child->poll_fd(), POLLIN, 0};
  while (!child->TryWait()) {
    const int left = MillisecondsUntil(until);
    if (left == 0) return too_slow();
    poll(&ended, 1, left);
  }
  captured.end = child->Wait();
  return captured;
}

std::string ProgramInPath(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "/usr/bin:/bin" : path;
  while (!left.empty()) {
    const size_t colon = left.find(':');
    const std::string file = fmt::format("{}/{}", left.substr(0, colon), name);
    if (access(file.c_str(), X_OK) == 0) return file;
    if (colon == std::string_view::npos) break;
    left.remove_prefix(colon + 1);
  }
  return "";
}

}  // namespace weir
