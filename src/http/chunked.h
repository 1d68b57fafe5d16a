// Decodes the chunked transfer coding (RFC 9112 7.1), strictly. Pure. Extensions and trailers are
// checked, bounded and dropped: nothing here gives them a meaning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "http/head.h"

namespace weir::http {

class ChunkedDecoder {
 public:
  static constexpr size_t kSizeDigitsMax = 8;
  static constexpr size_t kChunkLineMax = 256;             // size and extensions of one chunk
  static constexpr size_t kExtensionBytesMax = 16 * 1024;  // of all chunks together
  static constexpr size_t kTrailerBytesMax = 4 * 1024;
  static constexpr size_t kTrailerCountMax = 32;

  void Reset(uint64_t body_max);
  // Appends what it decodes to `body`. Returns the bytes it took: all of them, or up to the end of
  // the last chunk. `before`: bytes of the body that were decoded and taken away since Reset.
  std::expected<size_t, Refusal> Feed(std::string_view bytes, std::string& body,
                                      uint64_t before = 0);
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State : uint8_t { kSize, kData, kDataEnd, kTrailer, kDone };

  // Takes up to a line end; `complete` tells whether line_ now holds a whole line.
  std::expected<size_t, Refusal> TakeLine(std::string_view bytes, size_t max, bool& complete);
  Verdict OnLine(uint64_t body_size);
  Verdict OnSizeLine(uint64_t body_size);
  Verdict OnTrailerLine();

  State state_ = State::kSize;
  uint64_t body_max_ = 0;
  uint64_t left_ = 0;  // of the current chunk
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  size_t trailer_count_ = 0;
  std::string line_;
};

}  // namespace weir::http
