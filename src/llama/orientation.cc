#include "llama/orientation.h"

#include <algorithm>
#include <optional>

namespace weir::llama {
namespace {

uint32_t NumberAt(std::string_view bytes, size_t at, size_t size, bool little) {
  uint32_t number = 0;
  for (size_t i = 0; i < size; ++i)
    number = number << 8 | static_cast<uint8_t>(bytes[at + (little ? size - 1 - i : i)]);
  return number;
}

// `note` is a TIFF file without pixels: a head, and a list of entries of 12 bytes.
std::optional<Orientation> OrientationInTiff(std::string_view note) {
  constexpr size_t kHead = 8, kListAt = 4, kEntry = 12, kValueAt = 8;
  constexpr uint32_t kTag = 0x0112, kShort = 3;
  const bool little = note.starts_with(std::string_view("II*\0", 4));
  if (note.size() < kHead || (!little && !note.starts_with(std::string_view("MM\0*", 4))))
    return std::nullopt;
  size_t at = NumberAt(note, kListAt, 4, little);
  if (at + 2 > note.size()) return std::nullopt;
  const uint32_t entries = NumberAt(note, at, 2, little);
  at += 2;
  for (uint32_t i = 0; i < entries && at + kEntry <= note.size(); ++i, at += kEntry) {
    if (NumberAt(note, at, 2, little) != kTag) continue;
    if (NumberAt(note, at + 2, 2, little) != kShort) return std::nullopt;
    const uint32_t value = NumberAt(note, at + kValueAt, 2, little);
    if (value < 1 || value > 8) return std::nullopt;
    return static_cast<Orientation>(value);
  }
  return std::nullopt;
}

}  // namespace

// Segments before the rows: 0xFF, a kind, and how long they are with that number itself.
Orientation OrientationOf(std::string_view jpeg) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  constexpr char kNote = '\xE1', kRows = '\xDA', kFill = '\xFF';
  size_t at = 2;
  while (at + 4 <= jpeg.size() && jpeg[at] == kFill) {
    const char kind = jpeg[at + 1];
    if (kind == kFill) {
      ++at;
      continue;
    }
    const size_t size = NumberAt(jpeg, at + 2, 2, /*little=*/false);
    if (kind == kRows || size < 2 || size > jpeg.size() - at - 2) break;
    const std::string_view body = jpeg.substr(at + 4, size - 2);
    if (kind == kNote && body.starts_with(kExif))
      return OrientationInTiff(body.substr(kExif.size())).value_or(Orientation::kUpright);
    at += 2 + size;
  }
  return Orientation::kUpright;
}

std::vector<uint8_t> Upright(std::span<const uint8_t> pixels, int32_t width,
                             Orientation orientation) {
  using enum Orientation;
  constexpr ptrdiff_t kPixel = 3;
  const auto any_of = [&](auto... kinds) { return ((orientation == kinds) || ...); };
  const ptrdiff_t row = kPixel * width;
  const ptrdiff_t height = static_cast<ptrdiff_t>(pixels.size()) / row;
  const bool from_right = any_of(kMirrored, kUpsideDown, kTransposedUpsideDown, kTurnedRight);
  const bool from_below =
      any_of(kUpsideDown, kMirroredUpsideDown, kTurnedLeft, kTransposedUpsideDown);
  const ptrdiff_t across = from_right ? -kPixel : kPixel;
  const ptrdiff_t down = from_below ? -row : row;
  const ptrdiff_t first = (from_right ? row - kPixel : 0) + (from_below ? (height - 1) * row : 0);
  const bool side = LiesOnItsSide(orientation);
  const ptrdiff_t seen_width = side ? height : width, seen_height = side ? width : height;
  std::vector<uint8_t> seen(pixels.size());
  auto* to = seen.data();
  for (ptrdiff_t y = 0; y < seen_height; ++y) {
    for (ptrdiff_t x = 0; x < seen_width; ++x) {
      const ptrdiff_t from = first + x * (side ? down : across) + y * (side ? across : down);
      to = std::copy_n(pixels.data() + from, kPixel, to);
    }
  }
  return seen;
}

}  // namespace weir::llama
