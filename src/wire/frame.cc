#include "wire/frame.h"

#include <fmt/core.h>

#include <cstring>

#include "base/check.h"

namespace weir::wire {

std::string EncodeFrame(uint16_t kind, uint64_t request, std::string_view body) {
  CHECK(body.size() <= kFrameBodyBytesMax, "the sender checks its bodies");
  const auto length = static_cast<uint32_t>(body.size());
  std::string bytes;
  bytes.reserve(kFrameHeaderBytes + body.size());
  bytes.resize(kFrameHeaderBytes);
  std::memcpy(bytes.data(), &length, 4);
  std::memcpy(bytes.data() + 4, &kind, 2);
  std::memcpy(bytes.data() + 8, &request, 8);
  bytes += body;
  return bytes;
}

Result<std::optional<Frame>> FrameReader::Next() {
  const std::string_view rest = std::string_view(buffer_).substr(start_);
  if (rest.size() < kFrameHeaderBytes) return std::nullopt;
  uint32_t length = 0;
  uint16_t zero = 0;
  Frame frame;
  std::memcpy(&length, rest.data(), 4);
  std::memcpy(&frame.kind, rest.data() + 4, 2);
  std::memcpy(&zero, rest.data() + 6, 2);
  std::memcpy(&frame.request, rest.data() + 8, 8);
  if (length > body_bytes_max_ || zero != 0) {
    return Fail(Code::kBackendFailed,
                fmt::format("a frame of {} bytes broke the protocol; the limit is {}", length,
                            body_bytes_max_));
  }
  if (rest.size() < kFrameHeaderBytes + length) return std::nullopt;
  frame.body.assign(rest.substr(kFrameHeaderBytes, length));
  start_ += kFrameHeaderBytes + length;
  // Moving the rest down only when it is the smaller half keeps the copying linear.
  if (start_ * 2 >= buffer_.size()) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  return frame;
}

}  // namespace weir::wire
