#include "vectors/checked_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "process/fd.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace weir::vectors {
namespace {

constexpr uint64_t kMagic = 0x58444e4952494557;  // "WEIRINDX" as it lies in the file
constexpr uint32_t kVersion = 1;
constexpr size_t kBlockBytes = size_t{64} << 10;
constexpr size_t kPartsMax = 16;

struct Head {
  uint64_t magic = kMagic;
  uint32_t version = kVersion;
  uint32_t kind = 0;
  uint64_t parts = 0;
  std::array<uint64_t, kPartsMax> sizes = {};
  uint32_t zero = 0;
  uint32_t crc = 0;  // of all before it
};
static_assert(sizeof(Head) == 24 + 8 * kPartsMax + 8);

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table = {};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = MakeTable();

uint32_t PortableCrc(uint32_t crc, const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size; ++i) crc = (crc >> 8) ^ kTable[(crc ^ data[i]) & 0xff];
  return crc;
}

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] uint32_t FastCrc(uint32_t crc, const uint8_t* data, size_t size) {
  uint64_t wide = crc;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    std::memcpy(&word, data + i, sizeof(word));
    wide = _mm_crc32_u64(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  for (; i < size; ++i) crc = _mm_crc32_u8(crc, data[i]);
  return crc;
}
#endif

uint32_t HeadCrc(const Head& head) {
  return Crc32c(0, std::as_bytes(std::span(&head, 1)).first(sizeof(Head) - sizeof(head.crc)));
}
// The place is in it, so that whole blocks cannot change places.
uint32_t BlockCrc(uint64_t part, uint64_t block, std::span<const std::byte> bytes) {
  const std::array<uint64_t, 2> place = {part, block};
  return Crc32c(Crc32c(0, std::as_bytes(std::span(place))), bytes);
}

Result<void> WriteAll(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(SystemError("an index file could not be written", errno));
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Result<void> WriteContent(int fd, uint32_t kind,
                          std::span<const std::span<const std::byte>> parts) {
  Head head;
  head.kind = kind;
  head.parts = parts.size();
  for (size_t i = 0; i < parts.size(); ++i) head.sizes[i] = parts[i].size();
  head.crc = HeadCrc(head);
  if (auto ok = WriteAll(fd, std::as_bytes(std::span(&head, 1))); !ok) return ok;
  for (size_t i = 0; i < parts.size(); ++i) {
    for (size_t at = 0; at < parts[i].size(); at += kBlockBytes) {
      const auto block = parts[i].subspan(at, std::min(kBlockBytes, parts[i].size() - at));
      const uint32_t crc = BlockCrc(i, at / kBlockBytes, block);
      if (auto ok = WriteAll(fd, block); !ok) return ok;
      if (auto ok = WriteAll(fd, std::as_bytes(std::span(&crc, 1))); !ok) return ok;
    }
  }
  if (fsync(fd) != 0) return Fail(SystemError("an index file could not be synced", errno));
  return {};
}

std::unexpected<Error> Damaged() {
  return Fail(Code::kInternal, "an index file is not whole", {}, "index_damaged");
}

bool ReadExactly(int fd, void* to, size_t size) {
  auto* out = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = read(fd, out, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

}  // namespace

uint32_t Crc32c(uint32_t crc, std::span<const std::byte> bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
#if defined(__x86_64__)
  static const bool kFast = __builtin_cpu_supports("sse4.2") != 0;
  if (kFast) return ~FastCrc(~crc, data, bytes.size());
#endif
  return ~PortableCrc(~crc, data, bytes.size());
}

Result<void> WriteCheckedFile(const std::filesystem::path& path, uint32_t kind,
                              std::span<const std::span<const std::byte>> parts) {
  const std::string aside = path.native() + ".writing";
  const Fd file(open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid()) return Fail(SystemError("an index file could not be made", errno));
  if (auto written = WriteContent(file.get(), kind, parts); !written) {
    unlink(aside.c_str());
    return written;
  }
  if (rename(aside.c_str(), path.c_str()) != 0) {
    const int failure = errno;
    unlink(aside.c_str());
    return Fail(SystemError("an index file could not be given its name", failure));
  }
  const Fd folder(open(path.parent_path().c_str(), O_RDONLY | O_CLOEXEC));
  if (!folder.valid() || fsync(folder.get()) != 0) {
    return Fail(SystemError("the folder of the index files could not be synced", errno));
  }
  return {};
}

Result<std::vector<std::vector<std::byte>>> ReadCheckedFile(const std::filesystem::path& path,
                                                            uint32_t kind) {
  auto file = OpenReadOnly(path.native());
  if (!file) return Fail(std::move(file.error()));
  struct stat status = {};
  Head head;
  if (fstat(file->get(), &status) != 0 || !ReadExactly(file->get(), &head, sizeof(head))) {
    return Damaged();
  }
  if (head.magic != kMagic || head.crc != HeadCrc(head) || head.version != kVersion ||
      head.kind != kind || head.parts > kPartsMax) {
    return Damaged();
  }
  // No size is believed before the file is known to be that long.
  uint64_t bytes = sizeof(head);
  for (size_t i = 0; i < head.parts; ++i) {
    const uint64_t size = head.sizes[i];
    if (size > static_cast<uint64_t>(status.st_size)) return Damaged();
    bytes += size + (size + kBlockBytes - 1) / kBlockBytes * sizeof(uint32_t);
  }
  if (bytes != static_cast<uint64_t>(status.st_size)) return Damaged();
  std::vector<std::vector<std::byte>> parts(head.parts);
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i].resize(head.sizes[i]);
    for (size_t at = 0; at < parts[i].size(); at += kBlockBytes) {
      const auto block =
          std::span(parts[i]).subspan(at, std::min(kBlockBytes, parts[i].size() - at));
      uint32_t crc;
      if (!ReadExactly(file->get(), block.data(), block.size()) ||
          !ReadExactly(file->get(), &crc, sizeof(crc)) ||
          crc != BlockCrc(i, at / kBlockBytes, block)) {
        return Damaged();
      }
    }
  }
  return parts;
}

}  // namespace weir::vectors
