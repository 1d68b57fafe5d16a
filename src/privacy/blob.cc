#include "privacy/blob.h"

#include <algorithm>
#include <array>
#include <bitset>

#include "base/utf8.h"
#include "privacy/characters.h"

namespace weir::privacy {
namespace {

constexpr int kNoDigit = -1;

constexpr auto kBase64 = [] {
  std::array<int8_t, 256> values{};
  values.fill(kNoDigit);
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  for (size_t i = 0; i < kDigits.size(); ++i)
    values[static_cast<uint8_t>(kDigits[i])] = static_cast<int8_t>(i);
  values['+'] = values['-'] = 62;
  values['/'] = values['_'] = 63;
  return values;
}();

int Base64Value(char c) { return kBase64[static_cast<uint8_t>(c)]; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : kNoDigit;
}

std::string FromBase64(std::string_view digits) {
  std::string bytes;
  bytes.reserve(digits.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char digit : digits) {
    bits = bits << 6 | static_cast<uint32_t>(Base64Value(digit));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

std::string FromHex(std::string_view digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(HexValue(digits[i]) * 16 + HexValue(digits[i + 1]));
  }
  return bytes;
}

bool IsText(std::string_view bytes) {
  const auto control = [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7F;
  };
  return !bytes.empty() && std::ranges::none_of(bytes, control) &&
         IsValidUtf8(bytes.substr(0, CompleteUtf8Prefix(bytes)));
}

size_t DistinctBytes(std::string_view text) {
  std::bitset<256> seen;
  for (const char c : text) seen.set(static_cast<uint8_t>(c));
  return seen.count();
}

}  // namespace

void ForEachBlob(std::string_view text, const std::function<void(const Blob&)>& tell) {
  constexpr size_t kStep = Blob::kLengthMin;
  size_t seen = 0;  // everything before it was looked at
  for (size_t at = kStep - 1; at < text.size();) {
    if (Base64Value(text[at]) == kNoDigit) {
      at += kStep;
      continue;
    }
    Blob blob{.begin = at, .end = at};
    while (blob.begin > seen && Base64Value(text[blob.begin - 1]) != kNoDigit) --blob.begin;
    while (blob.end < text.size() && Base64Value(text[blob.end]) != kNoDigit) ++blob.end;
    at = blob.end + kStep;
    seen = blob.end;
    const std::string_view digits = text.substr(blob.begin, blob.end - blob.begin);
    if (digits.size() < Blob::kLengthMin) continue;
    const bool hex = digits.size() % 2 == 0 &&
                     std::ranges::all_of(digits, [](char c) { return HexValue(c) != kNoDigit; });
    const bool varied =
        DistinctBytes(digits) >= std::min(digits.size() / 2, hex ? size_t{8} : size_t{20});
    if (!varied && !hex) continue;
    if (digits.size() <= Blob::kLengthMax) {
      std::string bytes = hex ? FromHex(digits) : FromBase64(digits);
      if (IsText(bytes)) blob.text = std::move(bytes);
    }
    blob.opaque = blob.text.empty() && varied && digits.size() >= Blob::kOpaqueMin;
    if (!blob.text.empty() || blob.opaque) tell(blob);
  }
}

}  // namespace weir::privacy
