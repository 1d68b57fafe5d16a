// The one-writer lock of a data folder: an exclusive flock on `<folder>/lock`, with the holder's
// process id as text in it. The lock belongs to the open file, not to the process: a child that
// inherits fd() keeps the folder locked after its parent has died, until the child has ended too.
// The kernel lets go of it when the last of them is gone; the file stays.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "process/fd.h"

namespace weir {

class FileLock {
 public:
  // `folder` must exist. kConflict, with the process id of the holder, when somebody else has it:
  // at once while that process is there, after 5 s when only children that inherited the lock are
  // left of it, which end behind it.
  static Result<FileLock> Acquire(const std::string& folder);

  // To hand down to a child that writes in the folder too.
  int fd() const { return fd_.get(); }

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// Who holds an flock on the file at `path`, of those who take exclusive ones: a process id, 0 where
// the kernel does not say which; nothing when nobody does, or there is no such file. Changes
// nothing.
std::optional<pid_t> LockHolder(const std::string& path);

}  // namespace weir
