#include "gguf/source.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::gguf {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;
constexpr size_t kPrintableMax = 80;

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, kPrintableMax)) out += (c >= 0x20 && c < 0x7f) ? c : '?';
  if (text.size() > kPrintableMax) out += "...";
  return out;
}

std::unexpected<Error> Malformed(const char* reason, std::string message, std::string_view what) {
  return Fail(Code::kUnprocessable, std::move(message), Printable(what), reason);
}

Result<void> Source::FillBuffer() {
  buffer_.resize(static_cast<size_t>(std::min<uint64_t>(kBufferBytes, remaining())));
  buffer_start_ = position_;
  size_t filled = 0;
  while (filled < buffer_.size()) {
    const ssize_t got = pread(fd_, buffer_.data() + filled, buffer_.size() - filled,
                              static_cast<off_t>(buffer_start_ + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      buffer_.clear();
      return got == 0
                 ? Malformed("gguf_truncated", "the model file became shorter while it was read")
                 : Fail(Code::kUnavailable,
                        fmt::format("reading the model file failed: {}", strerror(errno)));
    }
    filled += static_cast<size_t>(got);
  }
  return {};
}

Result<void> Source::Read(void* into, size_t count) {
  if (count > remaining()) {
    return Malformed("gguf_truncated",
                     fmt::format("the model file ends at byte {}, but {} more bytes belong here",
                                 size_, count - remaining()));
  }
  auto* out = static_cast<std::byte*>(into);
  if (fd_ < 0) {
    if (count > 0) std::memcpy(out, memory_.data() + position_, count);
    position_ += count;
    return {};
  }
  while (count > 0) {
    if (position_ < buffer_start_ || position_ >= buffer_start_ + buffer_.size()) {
      if (auto filled = FillBuffer(); !filled) return filled;
    }
    const auto at = static_cast<size_t>(position_ - buffer_start_);
    const size_t piece = std::min(count, buffer_.size() - at);
    std::memcpy(out, buffer_.data() + at, piece);
    out += piece;
    position_ += piece;
    count -= piece;
  }
  return {};
}

Result<void> Source::Skip(uint64_t count) {
  if (count > remaining()) {
    return Malformed("gguf_truncated",
                     fmt::format("the model file ends at byte {}, but {} more bytes belong here",
                                 size_, count - remaining()));
  }
  position_ += count;
  return {};
}

Result<void> Source::Seek(uint64_t position) {
  if (position > size_)
    return Malformed("gguf_truncated", "a position lies beyond the end of the model file");
  position_ = position;
  return {};
}

}  // namespace weir::gguf
