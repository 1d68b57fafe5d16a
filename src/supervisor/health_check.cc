#include "supervisor/health_check.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

// "HTTP/1.1 200"
constexpr size_t kStatusBytes = 12;
constexpr int kLoopbackAnswersMs = 20;  // it does at once

Fd NewSocket(const LoopbackAddress& address) {
  return Fd(socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

}  // namespace

std::optional<LoopbackAddress> LoopbackAddressOf(const std::string& address, uint16_t port) {
  LoopbackAddress made;
  sockaddr_in v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    if ((ntohl(v4.sin_addr.s_addr) >> 24) != 127) return std::nullopt;
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&made.bytes, &v4, sizeof v4);
    made.size = sizeof v4;
    return made;
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1 ||
      !IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) {
    return std::nullopt;
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&made.bytes, &v6, sizeof v6);
  made.size = sizeof v6;
  return made;
}

bool IsFree(const LoopbackAddress& address) {
  const Fd probe = NewSocket(address);
  if (!probe.valid()) return true;  // a family that this machine has not
  // Not by bind: connections of a server's last life that linger refuse that to whoever has not the
  // same options as that server, which some set SO_REUSEPORT for and some SO_REUSEADDR.
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) == 0)
    return false;
  if (errno != EINPROGRESS) return true;
  pollfd waiting{probe.get(), POLLOUT, 0};
  if (poll(&waiting, 1, kLoopbackAnswersMs) != 1) return false;  // its backlog is full
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(probe.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error != 0;
}

HealthCheck::HealthCheck(const LoopbackAddress& address, const std::string& host,
                         const std::string& path, MonotonicTime deadline)
    : socket_(NewSocket(address)),
      request_(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: weir\r\n"
                           "Connection: close\r\n\r\n",
                           path, host)),
      deadline_(deadline) {
  if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) < 0 &&
      errno != EINPROGRESS) {
    error_ = errno;
  }
}

pollfd HealthCheck::polled() const {
  return {socket_.get(), static_cast<short>(asked_ ? POLLIN : POLLOUT), 0};
}

std::optional<Result<void>> HealthCheck::End(std::string_view why) const {
  return Result<void>(Fail(Code::kUnavailable, std::string(why)));
}

std::optional<Result<void>> HealthCheck::Step(MonotonicTime now) {
  if (error_ != 0) return End(std::strerror(error_));
  if (!asked_) {
    pollfd writable{socket_.get(), POLLOUT, 0};
    if (poll(&writable, 1, 0) == 1) {
      // Shorter than any socket's buffer: whole or not at all.
      if (send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL) < 0) {
        return End(std::strerror(errno));
      }
      asked_ = true;
    }
  }
  std::array<char, 512> buffer;
  while (asked_ && answer_.size() < kStatusBytes) {
    const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) return End("the connection ended without an answer");
    answer_.append(buffer.data(), static_cast<size_t>(got));
  }
  if (answer_.size() >= kStatusBytes) {
    const std::string_view answer(answer_);
    const bool http = answer.starts_with("HTTP/1.") && answer[8] == ' ';
    if (!http) return End("what answers does not speak HTTP/1");
    if (answer[9] == '2') return Result<void>();
    return End(fmt::format("status {}", answer.substr(9, 3)));
  }
  if (now >= deadline_) return End("no answer in time");
  return std::nullopt;
}

}  // namespace weir
