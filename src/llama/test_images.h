// Image files for tests.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace weir::llama::testing {

using Colour = std::function<uint32_t(int32_t x, int32_t y)>;  // 0xRRGGBB

inline void AppendNumber(std::string& bytes, uint32_t number, int count) {
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(number >> 8 * i & 0xFF);
}

inline std::string Bmp(int32_t width, int32_t height, const Colour& colour) {
  std::string rows;
  for (int32_t y = height - 1; y >= 0; --y) {
    for (int32_t x = 0; x < width; ++x) AppendNumber(rows, colour(x, y), 3);
    while (rows.size() % 4 != 0) rows += '\0';
  }
  std::string file = "BM";
  AppendNumber(file, static_cast<uint32_t>(54 + rows.size()), 4);
  AppendNumber(file, 0, 4);
  AppendNumber(file, 54, 4);
  AppendNumber(file, 40, 4);
  AppendNumber(file, static_cast<uint32_t>(width), 4);
  AppendNumber(file, static_cast<uint32_t>(height), 4);
  AppendNumber(file, 1, 2);
  AppendNumber(file, 24, 2);
  for (int i = 0; i < 6; ++i) AppendNumber(file, 0, 4);
  return file + rows;
}

// Images that differ all over.
inline std::string Stripes(uint32_t seed, int32_t width = 84, int32_t height = 84) {
  return Bmp(width, height, [seed](int32_t x, int32_t y) {
    return (static_cast<uint32_t>(x) * 0x030507 + static_cast<uint32_t>(y) * 0x0B0301) *
               (seed + 1) &
           0xFFFFFF;
  });
}

// A PNG whose packed rows are `packed`, a zlib stream.
inline std::string Png(uint32_t width, uint32_t height, const std::string& packed) {
  const auto big = [](uint32_t number) {
    std::string bytes;
    for (int i = 3; i >= 0; --i) bytes += static_cast<char>(number >> 8 * i & 0xFF);
    return bytes;
  };
  const auto chunk = [&](const std::string& kind, const std::string& data) {
    return big(static_cast<uint32_t>(data.size())) + kind + data + big(0);  // nobody reads the sum
  };
  return "\x89PNG\r\n\x1A\n" +
         chunk("IHDR", big(width) + big(height) + std::string("\x08\x02\0\0\0", 5)) +
         chunk("IDAT", packed) + chunk("IEND", "");
}

// The zlib stream of `bytes`, not packed at all.
inline std::string Stored(const std::string& bytes) {
  std::string stream = "\x78\x01";
  for (size_t at = 0; at == 0 || at < bytes.size(); at += 0xFFFF) {
    const std::string block = bytes.substr(at, 0xFFFF);
    stream += static_cast<char>(at + 0xFFFF >= bytes.size() ? 1 : 0);
    AppendNumber(stream, static_cast<uint32_t>(block.size()), 2);
    AppendNumber(stream, ~static_cast<uint32_t>(block.size()), 2);
    stream += block;
  }
  return stream + std::string(4, '\0');
}

}  // namespace weir::llama::testing
