// How a socket address is written: "127.0.0.1:80", "[::1]:80", or "unix" for what is neither.
// Internal to http.
#pragma once

#include <sys/socket.h>

#include <string>

namespace weir::http {

std::string AddressText(const sockaddr_storage& storage);

}  // namespace weir::http
