// Files that say of themselves whether they are whole. Parts of bytes go in; the same parts come
// out, or an Error: every block of 64 KiB carries a CRC-32C of its content and place. A file is
// written aside, synced and renamed, so its name leads to a whole one or to none.
// docs/formats/vectors.md has the layout. Any thread; who writes one name twice at a time is on his
// own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"

namespace weir::vectors {

// `kind` says what the parts are, so that one is not read as the other.
Result<void> WriteCheckedFile(const std::filesystem::path& path, uint32_t kind,
                              std::span<const std::span<const std::byte>> parts);
// kNotFound where there is none; kInternal with "index_damaged" for one that is not whole.
Result<std::vector<std::vector<std::byte>>> ReadCheckedFile(const std::filesystem::path& path,
                                                            uint32_t kind);

uint32_t Crc32c(uint32_t crc, std::span<const std::byte> bytes);

}  // namespace weir::vectors
