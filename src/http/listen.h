// Listening sockets. The launcher binds them and hands them down; the server only takes descriptors
// (server.h).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::http {

struct ListenSocket {
  int fd = -1;          // close-on-exec and non-blocking; the caller owns it
  std::string address;  // as bound, the real port in it: "127.0.0.1:9347", "[::1]:9347"
};

// `address` is "127.0.0.1:9347", "[::1]:0", "localhost:0" (127.0.0.1), or "0.0.0.0:80"; names are
// not resolved. Port 0 takes a free one. kConflict when the port is in use, kForbidden when it may
// not be taken, kInvalidArgument for syntax.
Result<ListenSocket> Listen(std::string_view address, int backlog = 1024);

// The address a socket is bound to, as above ("unix" for other families).
std::string LocalAddress(int fd);

// Whether `address` reaches beyond this machine.
bool IsLoopbackAddress(std::string_view address);

}  // namespace weir::http
