#include "process/fd.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <system_error>

namespace weir {

void Fd::Reset(int number) {
  // Linux frees the number even when close reports EINTR; a second close could hit somebody else's
  // descriptor.
  if (number_ >= 0) close(number_);
  number_ = number;
}

Result<Fd> OpenReadOnly(const std::string& path) {
  const int number = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (number < 0) return Fail(SystemError("cannot open " + path, errno));
  return Fd(number);
}

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Fail(SystemError("cannot make a pipe", errno));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> Duplicate(int descriptor) {
  const int number = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (number < 0) return Fail(SystemError("cannot duplicate a descriptor", errno));
  return Fd(number);
}

Result<std::string> PathOf(int descriptor) {
  std::string path(PATH_MAX, '\0');
  const std::string link = fmt::format("/proc/self/fd/{}", descriptor);
  const ssize_t size = readlink(link.c_str(), path.data(), path.size());
  if (size < 0 || static_cast<size_t>(size) >= path.size()) {
    return Fail(
        SystemError("cannot tell where an open file lies", size < 0 ? errno : ENAMETOOLONG));
  }
  path.resize(static_cast<size_t>(size));
  return path;
}

Result<void> SetNonBlocking(int descriptor, bool on) {
  const int flags = fcntl(descriptor, F_GETFL);
  const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (flags < 0 || fcntl(descriptor, F_SETFL, wanted) != 0) {
    return Fail(SystemError("cannot change a descriptor's blocking mode", errno));
  }
  return {};
}

Error SystemError(std::string what, int error_number) {
  Code code = Code::kInternal;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      code = Code::kNotFound;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = Code::kForbidden;
      break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN:
    case ENOSPC:
      code = Code::kUnavailable;
      break;
    default:
      break;
  }
  return Error{code, std::move(what) + ": " + std::generic_category().message(error_number)};
}

}  // namespace weir
