// A text as the detectors read it, and the way back: escapes of JSON, percent signs and HTML are
// read (one level), code points are folded (privacy/fold.h), what cannot be seen is left out.
// Findings are places in the copy; Original gives the bytes that they came from. Pure; linear in
// time and memory. The text lives as long as the copy, which may be a view of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::privacy {

struct ByteRange {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

class DetectionCopy {
 public:
  static constexpr size_t kBytesMax = size_t{1} << 30;  // CHECKed

  explicit DetectionCopy(std::string_view original);
  DetectionCopy(const DetectionCopy&) = delete;
  DetectionCopy& operator=(const DetectionCopy&) = delete;

  std::string_view text() const { return text_; }
  // Of a range of text() that is not empty; never cuts a code point of the original.
  ByteRange Original(ByteRange folded) const;
  // Bytes that are no UTF-8, and control characters that no text has: what makes it binary.
  size_t unreadable() const { return unreadable_; }

 private:
  // From `folded` on, up to the next piece. length 0: byte for byte from `original` on; else all of
  // it stands for original[original, original + length).
  struct Piece {
    uint32_t folded = 0;
    uint32_t original = 0;
    uint32_t length = 0;
  };

  void FoldAll();
  size_t FoldOne(size_t at);        // the bytes that it took; at least 1
  size_t FoldBackslash(size_t at);  // these: 0 when it is no escape
  size_t FoldPercent(size_t at);
  size_t FoldEntity(size_t at);
  size_t FoldBeyondAscii(size_t at);
  void Keep(size_t at, size_t length);
  void Replace(size_t at, size_t length, std::string_view by);
  void Put(size_t at, size_t length, char32_t code_point);
  const Piece& PieceOf(size_t folded) const;

  std::string_view original_;
  std::string_view text_;
  std::string folded_ = {};
  std::vector<Piece> pieces_ = {};  // empty: the copy is the original
  size_t kept_until_ = SIZE_MAX;    // of the original, while the last piece goes byte for byte
  size_t unreadable_ = 0;
};

}  // namespace weir::privacy
