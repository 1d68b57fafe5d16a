// A zip archive in memory, for formats that are archives of XML: finds a member by name and unpacks
// it, within bounds. Not for archives on a disk, and not for the model store's wheels.
//
// What it refuses: encryption, methods but "stored" and "deflate", Zip64, members that reach beyond
// the archive or into its directory, a member or an archive that unpacks to too much, and a wrong
// checksum. One thread; the bytes outlive it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::reader {

class ZipArchive {
 public:
  static constexpr size_t kMembersMax = 20'000;
  static constexpr size_t kMemberBytesMax = size_t{64} << 20;     // unpacked
  static constexpr size_t kUnpackedBytesMax = size_t{128} << 20;  // of all that is asked for

  // kUnprocessable, reason broken_document.
  static Result<ZipArchive> Open(std::string_view bytes);

  bool Has(std::string_view name) const;
  // In the order of their names, those that begin with `prefix`.
  std::vector<std::string> Names(std::string_view prefix = "") const;
  // kNotFound; kUnprocessable: broken_document, encrypted_document; kTooLarge:
  // document_too_large.
  Result<std::string> Unpack(std::string_view name);

 private:
  struct Member {
    uint32_t header = 0;  // offset of its local header
    uint32_t packed = 0;
    uint32_t unpacked = 0;
    uint32_t crc = 0;
    uint16_t method = 0;
    uint16_t flags = 0;
  };

  explicit ZipArchive(std::string_view bytes) : bytes_(bytes) {}
  Result<void> ReadDirectory();

  std::string_view bytes_;
  std::map<std::string, Member, std::less<>> members_ = {};
  size_t unpacked_ = 0;
};

}  // namespace weir::reader
