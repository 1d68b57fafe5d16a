// A package is somebody else's file: whatever its bytes, reading it ends, in bounds.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "fetch/wheel.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  static const int file = memfd_create("wheel", MFD_CLOEXEC);
  CHECK(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == static_cast<ssize_t>(size),
        "a file in memory takes bytes");
  const auto member = fetch::FindMember(file, "a/b.bin");
  if (!member) return 0;
  constexpr uint64_t kMax = 1 << 20;
  uint64_t seen = 0;
  (void)fetch::ReadMember(file, *member, kMax, [&](std::string_view bytes) -> Result<void> {
    seen += bytes.size();
    CHECK(seen <= kMax, "a member stays in its bound");
    return {};
  });
  return 0;
}
