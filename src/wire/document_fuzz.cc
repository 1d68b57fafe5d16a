// Arbitrary bytes as what a reader answers: no crash, and what decodes encodes to the same bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/document.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto pages = weir::wire::Decode<weir::wire::Pages>(bytes);
  if (!pages) return 0;
  CHECK(weir::wire::Encode(*pages) == bytes, "one form for each message");
  (void)weir::wire::BrokenBound(*pages, size);
  return 0;
}
