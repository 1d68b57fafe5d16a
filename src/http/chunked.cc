#include "http/chunked.h"

#include <algorithm>
#include <charconv>

namespace weir::http {
namespace {

Refusal BodyTooLarge(uint64_t body_max) {
  return {413, "body_too_large",
          "the body is larger than the limit of " + std::to_string(body_max) + " bytes"};
}

}  // namespace

void ChunkedDecoder::Reset(uint64_t body_max) {
  *this = ChunkedDecoder();
  body_max_ = body_max;
}

std::expected<size_t, Refusal> ChunkedDecoder::Feed(std::string_view bytes, std::string& body,
                                                    uint64_t before) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ != State::kDone) {
    const std::string_view rest = bytes.substr(taken);
    if (state_ == State::kData) {
      const size_t n = static_cast<size_t>(std::min<uint64_t>(left_, rest.size()));
      body.append(rest.substr(0, n));
      left_ -= n;
      taken += n;
      if (left_ == 0) state_ = State::kDataEnd;
      continue;
    }
    bool complete = false;
    const size_t max = state_ == State::kTrailer ? kTrailerBytesMax : kChunkLineMax;
    const std::expected<size_t, Refusal> n = TakeLine(rest, max, complete);
    if (!n) return n;
    taken += *n;
    if (!complete) break;
    if (Verdict verdict = OnLine(before + body.size()); !verdict)
      return std::unexpected(verdict.error());
    line_.clear();
  }
  return taken;
}

std::expected<size_t, Refusal> ChunkedDecoder::TakeLine(std::string_view bytes, size_t max,
                                                        bool& complete) {
  const size_t end = bytes.find('\n');
  const std::string_view piece = bytes.substr(0, end);
  if (line_.size() + piece.size() > max) {
    return Refuse(400, "chunk_line_too_long",
                  "a line of the chunked body is longer than " + std::to_string(max) + " bytes");
  }
  line_.append(piece);
  if (end == std::string_view::npos) return bytes.size();
  if (!line_.ends_with('\r'))
    return Refuse(400, "bare_lf", "a line of the chunked body ends without CR");
  line_.pop_back();
  complete = true;
  return end + 1;
}

Verdict ChunkedDecoder::OnLine(uint64_t body_size) {
  if (state_ == State::kTrailer) return OnTrailerLine();
  if (state_ == State::kSize) return OnSizeLine(body_size);
  if (!line_.empty()) return Refuse(400, "bad_chunk", "a chunk is longer than its size says");
  state_ = State::kSize;
  return {};
}

Verdict ChunkedDecoder::OnSizeLine(uint64_t body_size) {
  const size_t digits = std::min(line_.find_first_not_of("0123456789abcdefABCDEF"), line_.size());
  const std::string_view extension = std::string_view(line_).substr(digits);
  // No blanks before ';': the standard calls them bad, and parsers disagree on them.
  if (digits == 0 || digits > kSizeDigitsMax || (!extension.empty() && extension.front() != ';')) {
    return Refuse(400, "bad_chunk_size", "a chunk size is not one to eight hexadecimal digits");
  }
  if (!IsFieldValue(extension))
    return Refuse(400, "bad_chunk_extension", "a chunk extension holds a control character");
  extension_bytes_ += extension.size();
  if (extension_bytes_ > kExtensionBytesMax) {
    return Refuse(
        400, "chunk_extensions_too_large",
        "the chunk extensions are larger than " + std::to_string(kExtensionBytesMax) + " bytes");
  }
  std::from_chars(line_.data(), line_.data() + digits, left_, 16);
  if (left_ > body_max_ - std::min(body_max_, body_size))
    return std::unexpected(BodyTooLarge(body_max_));
  state_ = left_ == 0 ? State::kTrailer : State::kData;
  return {};
}

Verdict ChunkedDecoder::OnTrailerLine() {
  if (line_.empty()) {
    state_ = State::kDone;
    return {};
  }
  trailer_bytes_ += line_.size();
  if (trailer_bytes_ > kTrailerBytesMax || ++trailer_count_ > kTrailerCountMax) {
    return Refuse(431, "trailers_too_large",
                  "the trailers are more than " + std::to_string(kTrailerCountMax) + " fields or " +
                      std::to_string(kTrailerBytesMax) + " bytes");
  }
  Headers dropped;
  return ParseField(line_, dropped);
}

}  // namespace weir::http
