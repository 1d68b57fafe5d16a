// Frames on a byte stream between two of our processes: a header of 16 bytes, then the body.
//
//   u32 body length | u16 kind | u16 zero | u64 request id
//
// Pure: bytes in, frames out. The peer may be compromised (an engine that a model file took over),
// so a frame that breaks a bound ends the conversation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::wire {

inline constexpr size_t kFrameHeaderBytes = 16;
inline constexpr size_t kFrameBodyBytesMax = 64u << 20;

struct Frame {
  uint16_t kind = 0;
  uint64_t request = 0;  // 0: about the conversation itself
  std::string body = {};
};

std::string EncodeFrame(uint16_t kind, uint64_t request, std::string_view body);

// Takes bytes as they arrive and gives whole frames. Holds at most one unfinished frame.
class FrameReader {
 public:
  explicit FrameReader(size_t body_bytes_max = kFrameBodyBytesMax)
      : body_bytes_max_(body_bytes_max) {}

  void Append(std::string_view bytes) { buffer_ += bytes; }
  // The next whole frame, nothing when more bytes are needed, or an Error (kBackendFailed) when the
  // peer broke the format; after an Error the conversation is over.
  Result<std::optional<Frame>> Next();
  // Whether the stream stopped inside a frame.
  bool InsideFrame() const { return start_ < buffer_.size(); }

 private:
  size_t body_bytes_max_;
  std::string buffer_;
  size_t start_ = 0;  // of what is not yet consumed
};

}  // namespace weir::wire
