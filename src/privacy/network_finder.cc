// Network addresses, coordinates, wallets and postal codes.
#include <sodium.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "privacy/characters.h"
#include "privacy/number_finder.h"

namespace weir::privacy {
namespace {

bool IsHex(char c) { return IsDigit(c) || (Lower(c) >= 'a' && Lower(c) <= 'f'); }
char At(std::string_view text, size_t at) { return at < text.size() ? text[at] : '\0'; }
char Before(std::string_view text, size_t at) { return at > 0 ? text[at - 1] : '\0'; }

// Addresses that say something about somebody: none of private networks, this machine, examples.
bool IsPublic(const std::array<int, 4>& ip) {
  if (ip[0] == 0 || ip[0] == 10 || ip[0] == 127 || ip[0] >= 224) return false;
  if (ip[0] == 100 && ip[1] >= 64 && ip[1] < 128) return false;
  if ((ip[0] == 169 && ip[1] == 254) || (ip[0] == 172 && ip[1] >= 16 && ip[1] < 32)) return false;
  if (ip[0] == 192 && (ip[1] == 168 || (ip[1] == 0 && (ip[2] == 0 || ip[2] == 2)))) return false;
  if (ip[0] == 198 && (ip[1] == 18 || ip[1] == 19 || (ip[1] == 51 && ip[2] == 100))) return false;
  return !(ip[0] == 203 && ip[1] == 0 && ip[2] == 113);
}

void FindIpv4(Scan& scan, size_t begin) {
  const std::string_view text = scan.text();
  std::array<int, 4> ip = {};
  size_t at = begin;
  for (size_t octet = 0; octet < 4; ++octet) {
    const size_t first = at;
    for (; at < text.size() && IsDigit(text[at]) && at - first < 3; ++at)
      ip[octet] = ip[octet] * 10 + (text[at] - '0');
    if (at == first || ip[octet] > 255 || (text[first] == '0' && at - first > 1)) return;
    if (octet < 3 && At(text, at++) != '.') return;
  }
  const bool goes_on = IsWord(At(text, at)) || (At(text, at) == '.' && IsDigit(At(text, at + 1)));
  const char before = Before(text, begin);
  const bool rest = (before == '.' || before == '-') && begin > 1 && IsWord(text[begin - 2]);
  // "version 1.2.3.4" is no address.
  constexpr std::string_view kVersion = "ersion ";
  const bool version =
      begin >= kVersion.size() && text.substr(begin - kVersion.size(), kVersion.size()) == kVersion;
  if (goes_on || rest || version || !IsPublic(ip)) return;
  scan.Add(begin, at, Type::kIpAddress, ip[0] < 4 ? 40 : 60);
}

// Global unicast, which begins with 2 or 3; groups of one to four, one "::" at most.
void FindIpv6(Scan& scan, size_t begin) {
  const std::string_view text = scan.text();
  const char before = Before(text, begin);
  if ((text[begin] != '2' && text[begin] != '3') || before == ':' || before == '.') return;
  size_t at = begin;
  int groups = 0;
  bool shortened = false;
  for (;;) {
    const size_t first = at;
    while (at < text.size() && IsHex(text[at]) && at - first < 5) ++at;
    if (at - first > 4 || (groups == 0 && at - first != 4)) return;
    if (at == first) break;
    ++groups;
    if (At(text, at) != ':') break;
    if (At(text, at + 1) == ':') {
      if (shortened) return;
      shortened = true;
      at += 2;
    } else if (IsHex(At(text, at + 1)) && groups < 8) {
      ++at;
    } else {
      break;
    }
  }
  const bool whole = (shortened && groups >= 2 && groups < 8) || groups == 8;
  if (!whole || IsWord(At(text, at)) || text.substr(begin, 9) == "2001:db8:") return;
  scan.Add(begin, at, Type::kIpAddress, 80);
}

std::string Sha256Twice(std::span<const unsigned char> bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash = {};
  crypto_hash_sha256(hash.data(), bytes.data(), bytes.size());
  crypto_hash_sha256(hash.data(), hash.data(), hash.size());
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

// Base58 of 21 bytes and the first four of their hash.
bool IsBase58Check(std::string_view text) {
  constexpr std::string_view kDigits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  std::array<unsigned char, 25> bytes = {};
  for (const char c : text) {
    const size_t value = kDigits.find(c);
    if (value == std::string_view::npos) return false;
    size_t carry = value;
    for (size_t i = bytes.size(); i-- > 0;) {
      carry += size_t{bytes[i]} * 58;
      bytes[i] = static_cast<unsigned char>(carry & 0xFF);
      carry >>= 8;
    }
    if (carry != 0) return false;
  }
  const std::string hash = Sha256Twice(std::span(bytes).first(21));
  return std::equal(bytes.begin() + 21, bytes.end(),
                    reinterpret_cast<const unsigned char*>(hash.data()));
}

// BIP 173 and 350: the polymod of prefix and data is one of two constants.
bool IsBech32(std::string_view text) {
  constexpr std::string_view kDigits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  constexpr std::array<uint32_t, 5> kGenerators = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                                   0x2a1462b3};
  uint32_t check = 1;
  const auto add = [&](uint32_t value) {
    const uint32_t top = check >> 25;
    check = (check & 0x1ffffff) << 5 ^ value;
    for (size_t i = 0; i < kGenerators.size(); ++i) {
      if ((top >> i & 1) != 0) check ^= kGenerators[i];
    }
  };
  for (const uint32_t value : {3u, 3u, 0u, 2u, 3u}) add(value);  // "bc"
  // In small letters or in capitals, not in both.
  if (std::ranges::any_of(text, IsUpper) && std::ranges::any_of(text, IsLower)) return false;
  for (const char c : text.substr(3)) {
    const size_t value = kDigits.find(Lower(c));
    if (value == std::string_view::npos) return false;
    add(static_cast<uint32_t>(value));
  }
  return check == 1 || check == 0x2bc830a3;
}

bool IsUsState(std::string_view two) {
  constexpr std::string_view kStates =
      "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ "
      "NM NY NC ND OH OK OR PA "
      "RI SC SD TN TX UT VT VA WA WV WI WY DC PR";
  const size_t at = kStates.find(two);
  return at != std::string_view::npos && at % 3 == 0;
}

// A decimal with at least four places; the end of it, or 0.
size_t EndOfCoordinate(std::string_view text, size_t at, int degrees_max) {
  int degrees = 0;
  const size_t first = at;
  for (; IsDigit(At(text, at)) && at - first < 3; ++at) degrees = degrees * 10 + (text[at] - '0');
  if (at == first || degrees > degrees_max || At(text, at) != '.') return 0;
  const size_t places = ++at;
  while (IsDigit(At(text, at)) && at - places < 16) ++at;
  return at - places >= 4 && !IsWord(At(text, at)) ? at : 0;
}

size_t SkipSigns(std::string_view text, size_t at, std::string_view signs, size_t count_max) {
  const size_t last = std::min(at + count_max, text.size());
  while (at < last && signs.find(text[at]) != std::string_view::npos) ++at;
  return at;
}

// The end of the word for a longitude at `at`, or 0.
size_t EndOfLongitudesName(std::string_view text, size_t at) {
  constexpr std::string_view kNames[] = {"longitude", "long", "lon", "lng"};
  for (const std::string_view name : kNames) {
    const std::string_view word = text.substr(std::min(at, text.size()), name.size());
    if (std::ranges::equal(word, name, {}, Lower)) return at + name.size();
  }
  return 0;
}

}  // namespace

void FindIpAddress(Scan& scan, size_t begin, size_t end) {
  const char next = At(scan.text(), end);
  if (next == '.' && end - begin <= 3) FindIpv4(scan, begin);
  if (next == ':' && end - begin <= 4) FindIpv6(scan, begin);
}

void FindMacAddress(Scan& scan, size_t begin, size_t end) {
  const std::string_view text = scan.text();
  const char sign = At(text, end);
  const char left = Before(text, begin);
  if (end - begin != 2 || ((sign != ':' && sign != '-') && (left != ':' && left != '-'))) return;
  const char by = sign == ':' || sign == '-' ? sign : left;
  // The first group with a digit need not be the first.
  for (int walked = 0; walked < 5 && begin >= 3 && text[begin - 1] == by &&
                       IsHex(text[begin - 2]) && IsHex(text[begin - 3]);
       ++walked) {
    begin -= 3;
  }
  size_t at = begin;
  for (int group = 0; group < 6; ++group) {
    if (!IsHex(At(text, at)) || !IsHex(At(text, at + 1))) return;
    at += 2;
    if (group < 5 && At(text, at++) != by) return;
  }
  const bool goes_on = IsWord(At(text, at)) || At(text, at) == by;
  if (goes_on || IsWord(Before(text, begin)) || Before(text, begin) == by) return;
  const std::string_view mac = text.substr(begin, at - begin);
  const bool varied = std::ranges::any_of(mac, [&](char c) { return IsHex(c) && c != mac[0]; });
  const bool digits_alone = by == '-' && std::ranges::none_of(mac, IsLetter);
  if (varied) scan.Add(begin, at, Type::kMacAddress, digits_alone ? 40 : 85);
}

void FindLocation(Scan& scan, size_t begin, size_t end) {
  const std::string_view text = scan.text();
  if (At(text, end) != '.' || end - begin > 2 || Before(text, begin) == '.') return;
  const size_t latitude = EndOfCoordinate(text, begin, 90);
  if (latitude == 0) return;
  size_t at = SkipSigns(text, latitude, ",; ", 3);
  // "lat: 48.8584, lon: 2.2945", and so in JSON.
  if (const size_t name =
          EndOfLongitudesName(text, SkipSigns(text, latitude, "\"',;&{ \r\n\t", 16)))
    at = SkipSigns(text, name, "\"'=: \t", 6);
  if (at == latitude) return;
  if (At(text, at) == '-') ++at;
  const size_t longitude = EndOfCoordinate(text, at, 180);
  if (longitude == 0) return;
  const size_t first = Before(text, begin) == '-' ? begin - 1 : begin;
  scan.Add(first, longitude, Type::kLocation, 40);
}

void FindWallet(Scan& scan, size_t begin, size_t end) {
  const std::string_view word = scan.text().substr(begin, end - begin);
  if (word.size() < 26 || word.size() > 62) return;
  const bool ethereum =
      word.size() == 42 && word.starts_with("0x") && std::ranges::all_of(word.substr(2), IsHex);
  if (ethereum) return scan.Add(begin, end, Type::kCryptoWallet, 70);
  if ((word.starts_with("bc1") || word.starts_with("BC1")) && IsBech32(word))
    return scan.Add(begin, end, Type::kCryptoWallet, 97);
  if (word.size() <= 35 && (word[0] == '1' || word[0] == '3') && IsBase58Check(word)) {
    return scan.Add(begin, end, Type::kCryptoWallet, 97);
  }
  // Solana's have no check: 32 to 44 of base58, and a word nearby.
  const bool base58 = std::ranges::all_of(word, [](char c) {
    return IsAlnum(c) && std::string_view("0OIl").find(c) == std::string_view::npos;
  });
  const bool mixed = std::ranges::any_of(word, IsUpper) && std::ranges::any_of(word, IsLower);
  if (base58 && mixed && word.size() >= 32 && word.size() <= 44)
    scan.Add(begin, end, Type::kCryptoWallet, 10);
}

void FindPostalCode(Scan& scan, size_t begin, size_t end) {
  const std::string_view text = scan.text();
  const std::string_view group = text.substr(begin, end - begin);
  // "Springfield, IL 62704"
  if (group.size() == 5 && std::ranges::all_of(group, IsDigit) && begin >= 6 &&
      text.substr(begin - 5, 2) == ", " && text[begin - 1] == ' ' &&
      IsUsState(text.substr(begin - 3, 2)) && IsLetter(text[begin - 6])) {
    const bool plus_four = At(text, end) == '-' && end + 5 <= text.size() &&
                           std::ranges::all_of(text.substr(end + 1, 4), IsDigit);
    return scan.Add(begin - 3, plus_four ? end + 5 : end, Type::kAddress, 60);
  }
  // "SW1A 1AA"
  if (group.size() < 2 || group.size() > 4 || !IsUpper(group[0]) || At(text, end) != ' ' ||
      end + 4 > text.size())
    return;
  const std::string_view inward = text.substr(end + 1, 3);
  const bool outward =
      std::ranges::all_of(group, [](char c) { return IsUpper(c) || IsDigit(c); }) &&
      std::ranges::count_if(group, IsDigit) <= 2 && (IsDigit(group[1]) || IsDigit(At(group, 2)));
  const auto allowed = [](char c) {
    return IsUpper(c) && std::string_view("CIKMOV").find(c) == std::string_view::npos;
  };
  if (!outward || !IsDigit(inward[0]) || !allowed(inward[1]) || !allowed(inward[2]) ||
      IsWord(At(text, end + 4)))
    return;
  scan.Add(begin, end + 4, Type::kAddress, 55);
}

}  // namespace weir::privacy
