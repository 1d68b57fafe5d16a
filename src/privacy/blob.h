// Long runs of base64 or hexadecimal digits in a text: what they hold, if that is text. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace weir::privacy {

struct Blob {
  static constexpr size_t kLengthMin = 24;
  static constexpr size_t kLengthMax = size_t{256} << 10;  // of what is decoded
  static constexpr size_t kOpaqueMin = 1024;  // shorter ones are keys and hashes, not documents

  size_t begin = 0;
  size_t end = 0;
  std::string text = {};  // empty: it holds no text
  bool opaque = false;    // and is long enough to hold a document
};

// Tells each that holds text or is opaque. Linear: it looks at every 24th byte first.
void ForEachBlob(std::string_view text, const std::function<void(const Blob&)>& tell);

}  // namespace weir::privacy
