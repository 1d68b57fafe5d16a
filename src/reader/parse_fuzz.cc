// Arbitrary bytes as documents of every kind: no crash, nothing that the protocol forbids. The
// first byte chooses the kind.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "reader/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto kind = static_cast<weir::wire::DocumentKind>(
      data[0] % weir::wire::kEnumCount<weir::wire::DocumentKind>);
  const auto pages = kind == weir::wire::DocumentKind::kPdf
                         ? weir::reader::ParsePdfText(bytes)
                         : weir::reader::Parse({.kind = kind, .name = "x", .bytes = bytes});
  if (pages) CHECK(weir::wire::BrokenBound(*pages, bytes.size()).empty(), "within the protocol");
  return 0;
}
