// One bounded message, with descriptors beside it, over a pair from MakeMessagePair(). Works with
// blocking sockets and with non-blocking ones. Not for byte streams: those have no message borders
// to bind descriptors to.
//
// Each call is atomic: a message is sent whole or not at all. Any thread may call, one at a time
// for each direction.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"
#include "process/fd.h"

namespace weir {

inline constexpr size_t kPassedDescriptorsMax = 16;
inline constexpr size_t kPassedBytesMax = 64 * 1024;

enum class SendOutcome : uint8_t {
  kSent,
  kFull,    // non-blocking, and the peer has not read enough yet: poll for POLLOUT
  kClosed,  // the peer is gone
};

// `bytes` holds 1 to kPassedBytesMax bytes (an empty message would read as a close), `descriptors`
// at most kPassedDescriptorsMax. The peer gets duplicates; the caller keeps its own.
Result<SendOutcome> SendMessage(int socket, std::span<const std::byte> bytes,
                                std::span<const int> descriptors);

enum class ReceiveOutcome : uint8_t {
  kMessage,
  kNothingYet,  // non-blocking, and nothing is there
  kClosed,      // the peer closed, and everything it sent has been read
};

struct Received {
  ReceiveOutcome outcome = ReceiveOutcome::kNothingYet;
  size_t size = 0;                   // bytes written into the buffer
  std::vector<Fd> descriptors = {};  // close-on-exec
};

// kTooLarge when the message is longer than `buffer` or carries more than `descriptors_max`
// descriptors: the message is gone then, and every descriptor that came with it is closed.
Result<Received> ReceiveMessage(int socket, std::span<std::byte> buffer, size_t descriptors_max);

}  // namespace weir
