// The pixels of an image file that a client sent: PNG, JPEG, GIF (its first frame) and BMP, read by
// stb_image, and turned upright as the camera noted it. What a file would cost is known from its
// head, before anything is unpacked; a file that says one size and unpacks to another is refused.
//
// The bytes are hostile. This runs in the engine, whose sandbox leaves it one socket and the model.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::llama {

inline constexpr size_t kImageBytesMax = size_t{20} << 20;
inline constexpr int64_t kImagePixelsMax = int64_t{32} << 20;
// The longer side of an image by the shorter one: nothing is left of a thinner one when it is made
// smaller.
inline constexpr int32_t kImageRatioMax = 100;

struct PictureSize {
  int32_t width = 0;
  int32_t height = 0;
};

struct Picture {
  PictureSize size = {};
  std::vector<uint8_t> pixels = {};  // red, green and blue of each, row by row from the top
};

// As it is to be seen, from the head alone. kInvalidArgument: "image_format" for a file of no kind
// that is read, "image_invalid" for one that is broken, "image_too_large" over a bound above.
Result<PictureSize> ReadPictureSize(std::string_view file);
// The same errors.
Result<Picture> ReadPicture(std::string_view file);

}  // namespace weir::llama
