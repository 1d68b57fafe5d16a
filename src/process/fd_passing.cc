#include "process/fd_passing.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

// Room for the most that we ever ask for; the alignment is the kernel's.
struct alignas(cmsghdr) ControlBuffer {
  std::array<std::byte, CMSG_SPACE(sizeof(int) * kPassedDescriptorsMax)> bytes{};
};

void Attach(msghdr& message, ControlBuffer& control, std::span<const int> descriptors) {
  if (descriptors.empty()) return;
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

// Takes ownership of everything that arrived, before anything can be refused: what is refused is
// closed.
std::vector<Fd> Collect(msghdr& message) {
  std::vector<Fd> found;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof number);
      found.emplace_back(number);
    }
  }
  return found;
}

}  // namespace

Result<SendOutcome> SendMessage(int socket, std::span<const std::byte> bytes,
                                std::span<const int> descriptors) {
  CHECK(!bytes.empty(), "an empty message reads as a close");
  CHECK(bytes.size() <= kPassedBytesMax, "over kPassedBytesMax");
  CHECK(descriptors.size() <= kPassedDescriptorsMax, "over kPassedDescriptorsMax");
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Attach(message, control, descriptors);
  ssize_t sent = -1;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return SendOutcome::kSent;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return SendOutcome::kFull;
  if (errno == EPIPE || errno == ECONNRESET) return SendOutcome::kClosed;
  return Fail(SystemError("cannot send a control message", errno));
}

Result<Received> ReceiveMessage(int socket, std::span<std::byte> buffer, size_t descriptors_max) {
  CHECK(!buffer.empty(), "nothing to receive into");
  CHECK(descriptors_max <= kPassedDescriptorsMax, "over kPassedDescriptorsMax");
  iovec part{buffer.data(), buffer.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t size = -1;
  do {
    size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Received{};
  if (size < 0 && errno != ECONNRESET) {
    return Fail(SystemError("cannot receive a control message", errno));
  }
  if (size <= 0) return Received{.outcome = ReceiveOutcome::kClosed};
  std::vector<Fd> descriptors = Collect(message);
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return Fail(Code::kTooLarge,
                fmt::format("a control message is longer than {} bytes", buffer.size()));
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0 || descriptors.size() > descriptors_max) {
    return Fail(Code::kTooLarge,
                fmt::format("a control message carries more than {} descriptors", descriptors_max));
  }
  return Received{ReceiveOutcome::kMessage, static_cast<size_t>(size), std::move(descriptors)};
}

}  // namespace weir
