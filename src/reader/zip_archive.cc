#include "reader/zip_archive.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <utility>

namespace weir::reader {
namespace {

constexpr size_t kEndBytes = 22;
constexpr size_t kDirectoryEntryBytes = 46;
constexpr size_t kLocalHeaderBytes = 30;
constexpr uint32_t kEndMark = 0x06054b50;
constexpr uint32_t kDirectoryMark = 0x02014b50;
constexpr uint32_t kLocalMark = 0x04034b50;
constexpr uint16_t kEncrypted = 1;
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
constexpr size_t kPieceBytes = size_t{64} << 10;

uint16_t U16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<unsigned char>(bytes[at]) |
                               static_cast<unsigned char>(bytes[at + 1]) << 8);
}
uint32_t U32(std::string_view bytes, size_t at) {
  return U16(bytes, at) | static_cast<uint32_t>(U16(bytes, at + 2)) << 16;
}

std::unexpected<Error> Broken(std::string_view what) {
  return Fail(Code::kUnprocessable, fmt::format("it is no whole zip archive: {}", what), "document",
              "broken_document");
}

std::unexpected<Error> TooLarge(size_t bytes_max) {
  return Fail(Code::kTooLarge, fmt::format("it unpacks to more than {} bytes", bytes_max),
              "document", "document_too_large");
}

// The record at the end, which a comment of up to 64 KiB may follow.
size_t FindEnd(std::string_view bytes) {
  if (bytes.size() < kEndBytes) return std::string_view::npos;
  const size_t last = bytes.size() - kEndBytes;
  const size_t first = last > 0xFFFF ? last - 0xFFFF : 0;
  for (size_t at = last + 1; at-- > first;) {
    if (U32(bytes, at) == kEndMark) return at;
  }
  return std::string_view::npos;
}

Result<std::string> Inflate(std::string_view packed, size_t expected) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return Broken("no memory to unpack it");
  std::string out;
  std::string piece(kPieceBytes, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int state = Z_OK;
  while (state == Z_OK && out.size() <= expected) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(piece, 0, piece.size() - stream.avail_out);
    if (state == Z_OK && stream.avail_in == 0 && stream.avail_out > 0) break;
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END || out.size() != expected) return Broken("a member does not unpack");
  return out;
}

}  // namespace

Result<ZipArchive> ZipArchive::Open(std::string_view bytes) {
  ZipArchive archive(bytes);
  if (auto read = archive.ReadDirectory(); !read) return Fail(read.error());
  return archive;
}

Result<void> ZipArchive::ReadDirectory() {
  const size_t end = FindEnd(bytes_);
  if (end == std::string_view::npos) return Broken("its directory is missing");
  const size_t count = U16(bytes_, end + 10);
  const size_t size = U32(bytes_, end + 12);
  size_t at = U32(bytes_, end + 16);
  if (at > end || size > end - at) return Broken("its directory lies outside of it");
  if (count > kMembersMax) return Broken(fmt::format("more than {} members", kMembersMax));
  for (size_t i = 0; i < count; ++i) {
    if (at > end || end - at < kDirectoryEntryBytes || U32(bytes_, at) != kDirectoryMark)
      return Broken("its directory is cut");
    const size_t name_size = U16(bytes_, at + 28);
    const size_t more = size_t{U16(bytes_, at + 30)} + U16(bytes_, at + 32);
    if (end - at - kDirectoryEntryBytes < name_size + more) return Broken("its directory is cut");
    Member member{.header = U32(bytes_, at + 42),
                  .packed = U32(bytes_, at + 20),
                  .unpacked = U32(bytes_, at + 24),
                  .crc = U32(bytes_, at + 16),
                  .method = U16(bytes_, at + 10),
                  .flags = U16(bytes_, at + 8)};
    members_.emplace(bytes_.substr(at + kDirectoryEntryBytes, name_size), member);
    at += kDirectoryEntryBytes + name_size + more;
  }
  return {};
}

bool ZipArchive::Has(std::string_view name) const { return members_.contains(name); }

std::vector<std::string> ZipArchive::Names(std::string_view prefix) const {
  std::vector<std::string> names;
  for (auto it = members_.lower_bound(prefix); it != members_.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    names.push_back(it->first);
  }
  return names;
}

Result<std::string> ZipArchive::Unpack(std::string_view name) {
  const auto found = members_.find(name);
  if (found == members_.end()) {
    return Fail(Code::kNotFound, fmt::format("the archive has no member {}", name), "document",
                "broken_document");
  }
  const Member& member = found->second;
  if ((member.flags & kEncrypted) != 0) {
    return Fail(Code::kUnprocessable, "it is encrypted; decrypt it first", "document",
                "encrypted_document");
  }
  if (member.unpacked > kMemberBytesMax) return TooLarge(kMemberBytesMax);
  unpacked_ += member.unpacked;
  if (unpacked_ > kUnpackedBytesMax) return TooLarge(kUnpackedBytesMax);
  const size_t header = member.header;
  if (header > bytes_.size() || bytes_.size() - header < kLocalHeaderBytes ||
      U32(bytes_, header) != kLocalMark) {
    return Broken("a member is missing");
  }
  const size_t begin =
      header + kLocalHeaderBytes + U16(bytes_, header + 26) + U16(bytes_, header + 28);
  if (begin > bytes_.size() || bytes_.size() - begin < member.packed)
    return Broken("a member is cut");
  const std::string_view packed = bytes_.substr(begin, member.packed);
  Result<std::string> text = Broken("a member is packed in an unknown way");
  if (member.method == kDeflated) text = Inflate(packed, member.unpacked);
  if (member.method == kStored && packed.size() == member.unpacked) text = std::string(packed);
  if (!text) return text;
  const auto* data = reinterpret_cast<const Bytef*>(text->data());
  if (crc32(0, data, static_cast<uInt>(text->size())) != member.crc)
    return Broken("a member has another checksum");
  return text;
}

}  // namespace weir::reader
