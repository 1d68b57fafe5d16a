#include "llama/picture.h"

#include <fmt/format.h>
#include <stb/stb_image.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "chat/image_type.h"
#include "llama/orientation.h"

namespace weir::llama {
namespace {

// Each goes over all blocks of the image once more. What programs write has some ten.
constexpr int kJpegScansMax = 128;

constexpr std::string_view kPngHead = "\x89PNG\r\n\x1A\n";
constexpr std::string_view kJpegHead = "\xFF\xD8\xFF";

std::unexpected<Error> Broken() {
  return Fail(Code::kInvalidArgument, "the image is broken: it cannot be read to its end", {},
              "image_invalid");
}

std::unexpected<Error> TooLarge(std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message), {}, "image_too_large");
}

const stbi_uc* BytesOf(std::string_view file) {
  return reinterpret_cast<const stbi_uc*>(file.data());
}

constexpr std::string_view kUnread = "image/webp";  // of all that ImageTypeOf knows

std::string_view KindOf(std::string_view file) {
  if (chat::ImageTypeOf(file) == kUnread) return "WebP";
  if (file.starts_with("II*") || file.starts_with("MM")) return "TIFF";
  if (file.size() > 12 && file.substr(4, 4) == "ftyp") return "HEIC, AVIF or a video";
  if (file.starts_with("%PDF")) return "PDF";
  if (file.starts_with("<")) return "SVG or a page";
  return "unknown";
}

uint32_t Number(std::string_view bytes) {
  uint32_t number = 0;
  for (const char byte : bytes.substr(0, 4)) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

// The packed rows of a PNG; nothing where its chunks do not fit into each other.
std::optional<std::string> PackedRows(std::string_view file) {
  std::string packed;
  for (file.remove_prefix(kPngHead.size()); file.size() >= 12;) {
    const size_t size = Number(file);
    const std::string_view kind = file.substr(4, 4);
    if (kind == "IEND") return packed;
    if (size > file.size() - 12) return std::nullopt;
    if (kind == "IDAT") packed += file.substr(8, size);
    file.remove_prefix(size + 12);
  }
  return packed;
}

// What a PNG packs may be thousands of times its file, and stb_image unpacks it whatever the head
// says. So it is unpacked once into as much as the head needs.
bool UnpacksToItsSize(std::string_view file, PictureSize size) {
  constexpr size_t kDepthAt = 24, kColoursAt = 25;
  if (file.size() <= kColoursAt || file.substr(12, 4) != "IHDR") return false;
  const auto colours = static_cast<uint8_t>(file[kColoursAt]);
  const int64_t channels = 1 + (colours & 2) + ((colours & 4) >> 2);
  const int64_t bits = channels * static_cast<uint8_t>(file[kDepthAt]);
  const int64_t pixels = int64_t{size.width} * size.height;
  // Each row has a byte of its own and begins with a whole one; in seven passes there are up to
  // twice as many rows.
  const int64_t most = pixels * bits / 8 + 4 * (int64_t{size.height} + 8);
  const std::optional<std::string> packed = PackedRows(file);
  if (!packed || bits > 64) return false;
  const auto room = std::make_unique_for_overwrite<char[]>(static_cast<size_t>(most));
  return stbi_zlib_decode_buffer(room.get(), static_cast<int>(most), packed->data(),
                                 static_cast<int>(packed->size())) >= 0;
}

uint32_t Little(std::string_view bytes) {
  uint32_t number = 0;
  for (size_t i = std::min<size_t>(bytes.size(), 4); i-- > 0;)
    number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

// What is missing at the end of a BMP or a JPEG, stb_image takes for black or grey.
bool BmpIsWhole(std::string_view file, PictureSize size) {
  constexpr size_t kRowsAt = 10, kHeadAt = 14, kOldHead = 12, kHeadEnd = 30;
  if (file.size() < kHeadEnd) return false;
  const bool old = Little(file.substr(kHeadAt)) == kOldHead;
  const int64_t bits = Little(file.substr(old ? 24 : 28, 2));
  const int64_t row = (size.width * bits + 31) / 32 * 4;
  return Little(file.substr(kRowsAt)) + row * size.height <= static_cast<int64_t>(file.size());
}

bool JpegIsWhole(std::string_view file) {
  const size_t end = file.rfind("\xFF\xD9");
  const size_t scan = file.rfind("\xFF\xDA");
  return end != std::string_view::npos && scan != std::string_view::npos && end > scan;
}

int JpegScans(std::string_view file) {
  int scans = 0;
  for (size_t at = file.find("\xFF\xDA"); at != std::string_view::npos;
       at = file.find("\xFF\xDA", at + 2)) {
    ++scans;
  }
  return scans;
}

Orientation HeldHow(std::string_view file) {
  return file.starts_with(kJpegHead) ? OrientationOf(file) : Orientation::kUpright;
}

}  // namespace

Result<PictureSize> ReadPictureSize(std::string_view file) {
  const std::string_view type = chat::ImageTypeOf(file);
  if (type.empty() || type == kUnread) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the image is no PNG, JPEG, GIF or BMP; these are read here, and this "
                            "one is of another kind: {}",
                            KindOf(file)),
                {}, "image_format");
  }
  if (file.size() > kImageBytesMax) {
    return TooLarge(
        fmt::format("the image has {} bytes; the most is {}", file.size(), kImageBytesMax));
  }
  PictureSize size;
  int channels = 0;
  if (stbi_info_from_memory(BytesOf(file), static_cast<int>(file.size()), &size.width, &size.height,
                            &channels) == 0 ||
      size.width <= 0 || size.height <= 0) {
    return Broken();
  }
  const int64_t pixels = int64_t{size.width} * size.height;
  if (pixels > kImagePixelsMax) {
    return TooLarge(fmt::format("the image has {} by {} pixels; the most is {} in all", size.width,
                                size.height, kImagePixelsMax));
  }
  const auto [shorter, longer] = std::minmax(size.width, size.height);
  if (longer / shorter > kImageRatioMax) {
    return TooLarge(
        fmt::format("the image has {} by {} pixels; one side is at most {} times the "
                    "other",
                    size.width, size.height, kImageRatioMax));
  }
  if (LiesOnItsSide(HeldHow(file))) std::swap(size.width, size.height);
  return size;
}

Result<Picture> ReadPicture(std::string_view file) {
  const auto size = ReadPictureSize(file);
  if (!size) return Fail(size.error());
  const bool whole = file.starts_with(kPngHead)    ? UnpacksToItsSize(file, *size)
                     : file.starts_with(kJpegHead) ? JpegIsWhole(file)
                     : file.starts_with("BM")      ? BmpIsWhole(file, *size)
                                                   : true;
  if (!whole) return Broken();
  if (file.starts_with(kJpegHead) && JpegScans(file) > kJpegScansMax) {
    return TooLarge(fmt::format("the JPEG has over {} scans", kJpegScansMax));
  }
  PictureSize unpacked;
  int channels = 0;
  constexpr int kColours = 3;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(BytesOf(file), static_cast<int>(file.size()), &unpacked.width,
                            &unpacked.height, &channels, kColours),
      stbi_image_free);
  const Orientation held = HeldHow(file);
  PictureSize stored = *size;
  if (LiesOnItsSide(held)) std::swap(stored.width, stored.height);
  const bool same = unpacked.width == stored.width && unpacked.height == stored.height;
  if (pixels == nullptr || !same) return Broken();
  const size_t bytes = static_cast<size_t>(size->width) * static_cast<size_t>(size->height) * 3;
  return Picture{*size, Upright({pixels.get(), bytes}, stored.width, held)};
}

}  // namespace weir::llama
