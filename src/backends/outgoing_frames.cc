#include "backends/outgoing_frames.h"

#include <sys/socket.h>

#include <cerrno>

#include "wire/frame.h"

namespace weir::backends {

void OutgoingFrames::Append(uint16_t kind, uint64_t id, std::string_view body) {
  if (closed_) return;
  bytes_ += wire::EncodeFrame(kind, id, body);
  changed_.Set();
}

Task<void> OutgoingFrames::Run() {
  while (!closed_) {
    changed_.Reset();
    const Result<bool> all = WriteSome();
    if (!all) co_return;  // the reader sees the same end, and tells everybody
    const Result<void> go_on = *all ? co_await changed_.Wait() : co_await socket_.WaitWritable();
    if (!go_on) co_return;
  }
}

void OutgoingFrames::Close() {
  closed_ = true;
  std::string().swap(bytes_);
  written_ = 0;
  changed_.Set();
}

Result<bool> OutgoingFrames::WriteSome() {
  while (written_ < bytes_.size()) {
    const ssize_t sent =
        send(socket_.fd(), bytes_.data() + written_, bytes_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return false;
    if (sent <= 0) return Fail(Code::kUnavailable, "the other side is gone");
    written_ += static_cast<size_t>(sent);
    // Moving the rest down only when it is the smaller half keeps the copying linear.
    if (written_ * 2 >= bytes_.size()) {
      bytes_.erase(0, written_);
      written_ = 0;
    }
  }
  return true;
}

}  // namespace weir::backends
