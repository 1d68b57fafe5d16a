#include "process/file_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace weir {
namespace {

constexpr std::chrono::seconds kEndingMax{5};
constexpr std::chrono::milliseconds kBetweenLooks{10};

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

// False: held by somebody else, and `errno` says so, or something else is wrong. A holder that has
// ended has left children that end too, a moment later when everything was killed at once.
bool Lock(int fd) {
  const auto until = std::chrono::steady_clock::now() + kEndingMax;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return false;
    const long holder = HolderOf(fd);
    const bool ended = holder > 0 && kill(static_cast<pid_t>(holder), 0) != 0 && errno == ESRCH;
    if (!ended || std::chrono::steady_clock::now() >= until) {
      errno = EWOULDBLOCK;
      return false;
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return true;
}

}  // namespace

Result<FileLock> FileLock::Acquire(const std::string& folder) {
  const std::string path = folder + "/lock";
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return Fail(SystemError("cannot open " + path, errno));
  if (!Lock(fd.get())) {
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

// A line of /proc/locks is "1: FLOCK  ADVISORY  WRITE 4711 fe:00:131087 0 EOF". Device numbers are
// not compared: some file systems tell another one to stat.
std::optional<pid_t> LockHolder(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat file{};
  if (!fd.valid() || fstat(fd.get(), &file) != 0) return std::nullopt;
  if (flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return std::nullopt;
  const std::string inode = fmt::format(":{}", file.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, advisory, access, where;
    pid_t holder = 0;
    words >> number >> kind >> advisory >> access >> holder >> where;
    if (words && kind == "FLOCK" && access == "WRITE" && where.ends_with(inode)) return holder;
  }
  return 0;
}

}  // namespace weir
