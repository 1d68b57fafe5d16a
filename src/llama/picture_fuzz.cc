// Images of clients: read or refused in words, and as large as their head said.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "llama/picture.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto head = weir::llama::ReadPictureSize(file);
  // Large ones take their time, and that is all that they do.
  if (head && int64_t{head->width} * head->height > 1 << 20) return 0;
  const auto picture = weir::llama::ReadPicture(file);
  if (!picture) return 0;
  CHECK(head && head->width == picture->size.width && head->height == picture->size.height,
        "the head says the size");
  CHECK(picture->pixels.size() ==
            size_t{3} * static_cast<size_t>(head->width) * static_cast<size_t>(head->height),
        "every pixel has three colours");
  return 0;
}
