// One member of a package (a wheel is a ZIP file), read as it lies. Trusts no number in it: each
// offset and size is held against the file, the unpacked size against what the directory announced
// and the caller allows. No encryption, no ZIP64, no archives over several disks: packages have
// none.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace weir::fetch {

inline constexpr size_t kWheelDirectoryBytesMax = size_t{16} << 20;

struct Member {
  uint64_t size = 0;  // unpacked
  uint64_t packed = 0;
  uint64_t offset = 0;  // of its local header
  bool deflated = false;
};

// kUnprocessable: no wheel, or a damaged one. kNotFound: no such member.
Result<Member> FindMember(int wheel, std::string_view name);
// Hands the member's bytes to `write` in order; what `write` returns ends it.
Result<void> ReadMember(int wheel, const Member& member, uint64_t bytes_max,
                        const std::function<Result<void>(std::string_view)>& write);

}  // namespace weir::fetch
