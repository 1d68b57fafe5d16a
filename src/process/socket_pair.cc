#include "process/socket_pair.h"

#include <sys/socket.h>

#include <cerrno>

namespace weir {
namespace {

Result<SocketPair> MakePair(int type) {
  int ends[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) {
    return Fail(SystemError("cannot make a socket pair", errno));
  }
  return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

Result<SocketPair> MakeStreamPair() { return MakePair(SOCK_STREAM); }
Result<SocketPair> MakeMessagePair() { return MakePair(SOCK_SEQPACKET); }

}  // namespace weir
