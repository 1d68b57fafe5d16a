// Connected Unix sockets without a name in the file system: nobody else can reach them.
#pragma once

#include "base/result.h"
#include "process/fd.h"

namespace weir {

struct SocketPair {
  Fd ours;
  Fd theirs;
};

// A byte stream, for the engine protocol. Blocking until somebody changes it.
Result<SocketPair> MakeStreamPair();
// Keeps message borders and can carry descriptors (fd_passing.h), for control messages. Blocking
// until somebody changes it.
Result<SocketPair> MakeMessagePair();

}  // namespace weir
