// How a JPEG is to be turned before it is looked at: cameras write the rows as their sensor lies
// and note in the file (EXIF) how they were held.
//
// The bytes are hostile, and a note says nothing about whether the image is sound: what is not
// understood is an image that stands upright.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace weir::llama {

// As EXIF counts them, by where the first row and the first column of the file belong.
enum class Orientation : uint8_t {
  kUpright = 1,
  kMirrored = 2,
  kUpsideDown = 3,
  kMirroredUpsideDown = 4,
  kTransposed = 5,
  kTurnedLeft = 6,  // what was up is at the left: turned to the right it is upright
  kTransposedUpsideDown = 7,
  kTurnedRight = 8,
};

// Of a file that begins as a JPEG.
Orientation OrientationOf(std::string_view jpeg);

// Whether the width of the file is the height of what it shows.
inline bool LiesOnItsSide(Orientation orientation) {
  return orientation >= Orientation::kTransposed;
}

// `pixels` of three bytes, in rows of `width`: as they are to be seen.
std::vector<uint8_t> Upright(std::span<const uint8_t> pixels, int32_t width,
                             Orientation orientation);

}  // namespace weir::llama
