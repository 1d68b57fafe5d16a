// Bytes of a file with known length, read forwards through one small buffer, with a seek. Every
// read is held against the end of the file before anything is allocated. Not for writing; one
// thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::gguf {

static_assert(std::endian::native == std::endian::little,
              "numbers are read as they lie in the file");

class Source {
 public:
  // Borrows `fd`, which is `size` bytes long.
  Source(int fd, uint64_t size) : fd_(fd), size_(size) {}
  explicit Source(std::span<const std::byte> memory) : memory_(memory), size_(memory.size()) {}

  uint64_t size() const { return size_; }
  uint64_t position() const { return position_; }
  uint64_t remaining() const { return size_ - position_; }

  // `count` bytes from here, or an error that says that the file ends too early.
  Result<void> Read(void* into, size_t count);
  Result<void> Skip(uint64_t count);
  Result<void> Seek(uint64_t position);

  template <class T>
  Result<T> Number() {
    T value;
    if (auto read = Read(&value, sizeof(value)); !read) return Fail(read.error());
    return value;
  }

 private:
  Result<void> FillBuffer();

  int fd_ = -1;
  std::span<const std::byte> memory_;
  uint64_t size_ = 0;
  uint64_t position_ = 0;
  std::vector<std::byte> buffer_;
  uint64_t buffer_start_ = 0;
};

// An Error of this folder: kUnprocessable, `reason` from the list in docs/formats/gguf.md, `what`
// with non-printable bytes replaced and cut to a bound, because it comes out of the file.
std::unexpected<Error> Malformed(const char* reason, std::string message,
                                 std::string_view what = {});
std::string Printable(std::string_view text);

}  // namespace weir::gguf
