#include "http/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "http/head.h"
#include "http/socket_address.h"

namespace weir::http {
namespace {

std::optional<sockaddr_storage> Parse(std::string_view text, socklen_t& size) {
  const std::optional<HostPort> parts = SplitHost(text);
  if (!parts || parts->port < 0) return std::nullopt;
  std::string host(parts->host);
  if (EqualsIgnoreCase(host, "localhost")) host = "127.0.0.1";
  sockaddr_storage storage{};
  if (host.front() == '[') {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(parts->port));
    size = sizeof *v6;
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6->sin6_addr) != 1)
      return std::nullopt;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(parts->port));
    size = sizeof *v4;
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1) return std::nullopt;
  }
  return storage;
}

Code CodeOf(int error) {
  if (error == EADDRINUSE) return Code::kConflict;
  if (error == EACCES || error == EPERM) return Code::kForbidden;
  return Code::kUnavailable;
}

}  // namespace

Result<ListenSocket> Listen(std::string_view address, int backlog) {
  socklen_t size = 0;
  const std::optional<sockaddr_storage> parsed = Parse(address, size);
  if (!parsed) {
    return Fail(Code::kInvalidArgument,
                "'" + std::string(address) +
                    "' is not an address to listen on; write 127.0.0.1:9347 or [::1]:9347",
                "listen");
  }
  const int fd = socket(parsed->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  if (fd >= 0) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // [::] takes IPv6 alone, so that it does not collide with 0.0.0.0 on the same port.
    if (parsed->ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&*parsed), size) != 0 ||
      listen(fd, backlog) != 0) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return Fail(CodeOf(error),
                "cannot listen on " + std::string(address) + ": " + std::strerror(error), "listen");
  }
  return ListenSocket{fd, LocalAddress(fd)};
}

std::string LocalAddress(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "unix";
  return AddressText(storage);
}

std::string AddressText(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6->sin6_port));
  }
  return "unix";
}

bool IsLoopbackAddress(std::string_view address) {
  socklen_t size = 0;
  const std::optional<sockaddr_storage> parsed = Parse(address, size);
  if (!parsed) return address == "unix";
  if (parsed->ss_family == AF_INET) {
    return (ntohl(reinterpret_cast<const sockaddr_in*>(&*parsed)->sin_addr.s_addr) >> 24) == 127;
  }
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(&*parsed)->sin6_addr);
}

}  // namespace weir::http
