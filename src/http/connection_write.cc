// The writing half of a Connection.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "base/check.h"
#include "base/clock.h"
#include "http/connection.h"

namespace weir::http {
namespace {

std::unexpected<Error> ClientIsGone() { return Fail(Code::kCancelled, "the client went away"); }

bool HasNoBody(int status) { return status == 204 || status == 304; }

}  // namespace

std::string Connection::MakeHead(Reply& reply, BodyFraming framing, uint64_t length) {
  CHECK(reply.status >= 200 && reply.status <= 599, "an answer has a final status");
  keep_alive_ =
      keep_alive_ && !shared_->draining && framing != BodyFraming::kClose && !BodyUnfinished();
  framing_ = framing;
  return BuildHead(reply.status, reply.headers,
                   {.framing = framing,
                    .content_length = length,
                    .keep_alive = keep_alive_,
                    .minor_version = request_.minor_version,
                    .date = shared_->Date()});
}

Task<Result<void>> Connection::Send(Reply reply) {
  CHECK(!replied_, "a request is answered once");
  replied_ = true;
  AddCrossOriginFields(request_, reply.headers);
  const BodyFraming framing = HasNoBody(reply.status) ? BodyFraming::kNone : BodyFraming::kLength;
  const std::string head = MakeHead(reply, framing, reply.body.size());
  const bool bare = is_head_ || framing == BodyFraming::kNone;
  const Result<void> sent = co_await WriteAll({head, bare ? std::string_view() : reply.body});
  finished_ = sent.has_value();
  co_return sent;
}

void Connection::Start(Reply head) {
  CHECK(!replied_, "a request is answered once");
  CHECK(!HasNoBody(head.status), "a stream has a body");
  replied_ = true;
  AddCrossOriginFields(request_, head.headers);
  const BodyFraming framing =
      request_.minor_version == 1 ? BodyFraming::kChunked : BodyFraming::kClose;
  head_ = MakeHead(head, framing, 0);
}

Task<Result<void>> Connection::Write(std::string_view bytes) {
  CHECK(replied_ && !finished_, "Write belongs between Start and End");
  const std::string head = std::exchange(head_, {});
  if (is_head_ || bytes.empty()) {
    if (head.empty()) co_return gone_ ? Result<void>(ClientIsGone()) : Result<void>();
    co_return co_await WriteAll({head});
  }
  if (framing_ == BodyFraming::kClose) co_return co_await WriteAll({head, bytes});
  const std::string size = fmt::format("{:x}\r\n", bytes.size());
  co_return co_await WriteAll({head, size, bytes, "\r\n"});
}

Task<Result<void>> Connection::End() {
  CHECK(replied_ && !finished_, "End belongs after Start, once");
  const std::string head = std::exchange(head_, {});
  const bool chunked = framing_ == BodyFraming::kChunked && !is_head_;
  const Result<void> sent = co_await WriteAll({head, chunked ? "0\r\n\r\n" : ""});
  finished_ = sent.has_value();
  co_return sent;
}

// One system call for all parts where the socket takes them. A write that was cut short leaves the
// answer broken.
Task<Result<void>> Connection::WriteAll(std::array<std::string_view, 4> parts) {
  CHECK(!writing_, "one coroutine writes at a time");
  if (gone_ || broken_) co_return ClientIsGone();
  std::array<iovec, 4> pieces;
  size_t count = 0;
  for (const std::string_view part : parts) {
    if (!part.empty()) pieces[count++] = {const_cast<char*>(part.data()), part.size()};
  }
  writing_ = true;
  const Result<void> written = co_await WritePieces(std::span(pieces).first(count));
  writing_ = blocked_ = false;
  if (!written) broken_ = true;
  co_return written;
}

Task<Result<void>> Connection::WritePieces(std::span<iovec> pieces) {
  while (!pieces.empty()) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t n = sendmsg(socket_.fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) {
      Gone();
      co_return ClientIsGone();
    }
    if (n < 0) {
      if (!std::exchange(blocked_, true)) progress_at_ = SystemClock().Now();
      const Result<void> writable = co_await socket_.WaitWritable();
      if (!writable || gone_) co_return ClientIsGone();
      continue;
    }
    blocked_ = false;
    size_t sent = static_cast<size_t>(n);
    while (!pieces.empty() && sent >= pieces.front().iov_len) {
      sent -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (sent > 0) {
      pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + sent;
      pieces.front().iov_len -= sent;
    }
  }
  co_return Result<void>();
}

void Connection::CheckWriteStall(MonotonicTime now) {
#ifdef SIOCOUTQ
  // The kernel calls a socket writable only when a third of its buffer is free; a slow client moves
  // on all the same.
  int unsent = 0;
  if (ioctl(socket_.fd(), SIOCOUTQ, &unsent) == 0) {
    if (unsent < unsent_) progress_at_ = now;
    unsent_ = unsent;
  }
#endif
  if (now - progress_at_ > shared_->options.write_stall) Kill();
}

}  // namespace weir::http
