#include "reader/charset.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"
#include "reader/block_list.h"

namespace weir::reader {
namespace {

// What Windows-1252 has at 0x80 to 0x9F; 0 where nothing is.
constexpr std::array<char16_t, 32> kWindows1252 = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

std::string FromWindows1252(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    char32_t code_point = byte;
    if (byte >= 0x80 && byte < 0xA0)
      code_point = kWindows1252[byte - 0x80] == 0 ? 0xFFFD : kWindows1252[byte - 0x80];
    AppendCodePoint(out, code_point);
  }
  return out;
}

std::string FromUtf16(std::string_view bytes, bool big_endian) {
  const auto unit = [&](size_t i) {
    const auto first = static_cast<unsigned char>(bytes[i]);
    const auto second = static_cast<unsigned char>(bytes[i + 1]);
    return static_cast<char32_t>(big_endian ? first << 8 | second : second << 8 | first);
  };
  std::string out;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    char32_t code_point = unit(i);
    const bool high = code_point >= 0xD800 && code_point < 0xDC00;
    if (high && i + 3 < bytes.size()) {
      const char32_t low = unit(i + 2);
      if (low >= 0xDC00 && low < 0xE000) {
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
        i += 2;
      }
    }
    AppendCodePoint(out, code_point);
  }
  return out;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), AsciiLower);
  return out;
}

}  // namespace

void AppendCodePoint(std::string& out, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) c = 0xFFFD;
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

Result<Decoded> DecodeText(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
    const bool big_endian = bytes[0] == '\xFE';
    return Decoded{.text = FromUtf16(bytes.substr(2), big_endian), .as_it_lay = false};
  }
  if (bytes.find('\0') != std::string_view::npos) {
    return Fail(Code::kUnprocessable, "it holds NUL bytes, so it is no text", "document",
                "unsupported_document");
  }
  Decoded decoded;
  if (bytes.starts_with("\xEF\xBB\xBF")) {
    decoded.skipped = 3;
    bytes.remove_prefix(3);
  }
  decoded.as_it_lay = IsValidUtf8(bytes);
  decoded.text = decoded.as_it_lay ? std::string(bytes) : FromWindows1252(bytes);
  return decoded;
}

std::string DecodeNamed(std::string_view bytes, std::string_view charset) {
  const std::string name = Lower(charset);
  if (name == "iso-8859-1" || name == "latin1" || name == "windows-1252" || name == "cp1252" ||
      name == "iso-8859-15") {
    return FromWindows1252(bytes);
  }
  if (name == "utf-16le" || name == "utf-16be") return FromUtf16(bytes, name == "utf-16be");
  auto decoded = DecodeText(bytes);
  return decoded ? std::move(decoded->text) : Repaired(bytes);
}

}  // namespace weir::reader
