#include "async/descriptor.h"

#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "async/loop.h"

namespace weir {
namespace asio = boost::asio;

struct Descriptor::State {
  State(const Executor& executor, int fd) : descriptor(executor, fd) {
    descriptor.non_blocking(true);
  }

  Task<Result<void>> Wait(asio::posix::descriptor_base::wait_type what) {
    if (co_await IsCancelled() || !descriptor.is_open()) {
      co_return Fail(Code::kCancelled, "cancelled while waiting");
    }
    boost::system::error_code error;
    co_await descriptor.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return Fail(Code::kCancelled, "cancelled while waiting");
    co_return Result<void>();
  }

  asio::posix::stream_descriptor descriptor;
};

Descriptor::Descriptor(const Executor& executor, int fd)
    : state_(std::make_unique<State>(executor, fd)) {}
Descriptor::~Descriptor() = default;

int Descriptor::fd() const {
  return state_->descriptor.is_open() ? state_->descriptor.native_handle() : -1;
}

Task<Result<void>> Descriptor::WaitReadable() {
  return state_->Wait(asio::posix::descriptor_base::wait_read);
}
Task<Result<void>> Descriptor::WaitWritable() {
  return state_->Wait(asio::posix::descriptor_base::wait_write);
}

void Descriptor::Close() {
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
}

Task<Result<void>> SendAll(Descriptor& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const int to = socket.fd();
    if (to < 0) co_return Fail(Code::kUnavailable, "this side was closed");
    const ssize_t sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (sent < 0 && errno == EAGAIN) {
      if (auto ready = co_await socket.WaitWritable(); !ready) co_return Fail(ready.error());
    } else if (sent == 0 || errno != EINTR) {
      co_return Fail(Code::kUnavailable, "the other side is gone");
    }
  }
  co_return Result<void>();
}

}  // namespace weir
