#include "process/file_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace weir {
namespace {

// The process id that the holder wrote; 0 when it is not there (yet).
long HolderOf(int fd) {
  char text[24] = {};
  if (pread(fd, text, sizeof text - 1, 0) <= 0) return 0;
  return std::strtol(text, nullptr, 10);
}

Error Held(long holder) {
  const std::string who = holder > 0 ? fmt::format("process {}", holder) : "another process";
  return Error{Code::kConflict,
               fmt::format("the data folder is in use by {}; stop it, or name another folder with "
                           "--data",
                           who)};
}

}  // namespace

Result<FileLock> FileLock::Acquire(const std::string& folder) {
  const std::string path = folder + "/lock";
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return Fail(SystemError("cannot open " + path, errno));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Fail(Held(HolderOf(fd.get())));
    return Fail(SystemError("cannot lock " + path, errno));
  }
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(fd.get(), 0) != 0 ||
      pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return Fail(SystemError("cannot write " + path, errno));
  }
  return FileLock(std::move(fd));
}

}  // namespace weir
