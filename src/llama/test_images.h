// Image files for tests.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

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

// Two bytes, the higher one first.
inline std::string Big(size_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

// A segment of a JPEG.
inline std::string Segment(char kind, const std::string& body) {
  return std::string{'\xFF', kind} + Big(body.size() + 2) + body;
}

// A JPEG of one grey for each square of eight by eight pixels, with `segments` in its head.
inline std::string Jpeg(size_t columns, size_t rows, const std::vector<int>& greys,
                        const std::string& segments = "") {
  // Differences of the greys have codes of four bits, by how many bits they need; that a square has
  // nothing else is the code 0.
  std::string bits;
  const auto put = [&](int number, int count) {
    while (count-- > 0) bits += (number >> count & 1) != 0 ? '1' : '0';
  };
  int last = 128;
  for (const int grey : greys) {
    const int difference = grey - last;
    const int size = static_cast<int>(std::bit_width(static_cast<unsigned>(std::abs(difference))));
    put(size, 4);
    put(difference < 0 ? difference + (1 << size) - 1 : difference, size);
    put(0, 1);
    last = grey;
  }
  std::string packed;
  for (size_t at = 0; at < bits.size(); at += 8) {
    const int byte = std::stoi((bits.substr(at, 8) + "1111111").substr(0, 8), nullptr, 2);
    packed += static_cast<char>(byte);
    if (byte == 0xFF) packed += '\0';
  }
  const std::string differences = std::string("\0\0\0\0\x0A", 5) + std::string(12, '\0') +
                                  std::string("\0\1\2\3\4\5\6\7\x08\x09", 10);
  const std::string nothing_else = '\x10' + std::string(1, '\1') + std::string(16, '\0');
  return "\xFF\xD8" + segments + Segment('\xDB', '\0' + std::string(64, '\x08')) +
         Segment('\xC0', '\x08' + Big(rows * 8) + Big(columns * 8) + std::string("\1\1\x11\0", 4)) +
         Segment('\xC4', differences) + Segment('\xC4', nothing_else) +
         Segment('\xDA', std::string("\1\1\0\0\x3F\0", 6)) + packed + "\xFF\xD9";
}

}  // namespace weir::llama::testing
