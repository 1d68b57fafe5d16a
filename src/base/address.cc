#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <span>
#include <string>

#include "base/ascii.h"
#include "base/check.h"

namespace weir {
namespace {

struct V4Net {
  uint32_t net;
  int bits;
};

constexpr uint32_t V4(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// Source: IANA IPv4 Special-Purpose Address Registry, and the metadata services that do not live in
// link-local space (Alibaba's, Azure's wire server).
constexpr V4Net kNeverV4[] = {
    {V4(0, 0, 0, 0), 8},          {V4(169, 254, 0, 0), 16},   {V4(192, 0, 0, 0), 24},
    {V4(192, 0, 2, 0), 24},       {V4(198, 18, 0, 0), 15},    {V4(198, 51, 100, 0), 24},
    {V4(203, 0, 113, 0), 24},     {V4(224, 0, 0, 0), 4},      {V4(240, 0, 0, 0), 4},
    {V4(100, 100, 100, 200), 32}, {V4(168, 63, 129, 16), 32},
};
// Link-local space is theirs, but for those two.
constexpr V4Net kMetadataV4[] = {
    {V4(169, 254, 0, 0), 16}, {V4(100, 100, 100, 200), 32}, {V4(168, 63, 129, 16), 32}};
constexpr V4Net kPrivateV4[] = {{V4(10, 0, 0, 0), 8},
                                {V4(172, 16, 0, 0), 12},
                                {V4(192, 168, 0, 0), 16},
                                {V4(100, 64, 0, 0), 10}};

bool IsIn(uint32_t address, const V4Net& net) {
  const uint32_t mask = net.bits == 0 ? 0 : ~0u << (32 - net.bits);
  return (address & mask) == net.net;
}

AddressKind KindOfV4(uint32_t address) {
  const auto in = [address](const V4Net& net) { return IsIn(address, net); };
  if (IsIn(address, {V4(127, 0, 0, 0), 8})) return AddressKind::kLoopback;
  if (std::ranges::any_of(kNeverV4, in)) return AddressKind::kNever;
  if (std::ranges::any_of(kPrivateV4, in)) return AddressKind::kPrivate;
  return AddressKind::kPublic;
}

using V6 = std::array<uint8_t, 16>;

// Metadata services inside unique local space: Google's, Oracle's, Scaleway's.
constexpr V6 kMetadataV6[] = {
    {0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
    {0xfd, 0x00, 0x00, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe},
    {0xfd, 0x00, 0x00, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x42},
};

bool StartsWith(const V6& address, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

uint32_t V4At(const V6& address, size_t at) {
  return V4(address[at], address[at + 1], address[at + 2], address[at + 3]);
}

AddressKind KindOfV6(const V6& address) {
  const bool low_zero =
      std::all_of(address.begin(), address.begin() + 10, [](uint8_t byte) { return byte == 0; });
  if (low_zero && address[10] == 0xff && address[11] == 0xff) return KindOfV4(V4At(address, 12));
  if (low_zero && address[10] == 0 && address[11] == 0) {
    const uint32_t rest = V4At(address, 12);
    // ::1, :: and the retired "IPv4-compatible" form.
    return rest == 1 ? AddressKind::kLoopback : AddressKind::kNever;
  }
  if (StartsWith(address, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return KindOfV4(V4At(address, 12));
  }
  if (StartsWith(address, {0x20, 0x02})) return KindOfV4(V4At(address, 2));
  if (std::ranges::find(kMetadataV6, address) != std::end(kMetadataV6)) return AddressKind::kNever;
  if (StartsWith(address, {0xfd, 0x00, 0x0e, 0xc2})) return AddressKind::kNever;  // AWS's services
  if ((address[0] & 0xfe) == 0xfc) return AddressKind::kPrivate;
  // Only 2000::/3 is global unicast; documentation and Teredo lie inside it.
  if ((address[0] & 0xe0) != 0x20) return AddressKind::kNever;
  if (StartsWith(address, {0x20, 0x01, 0x0d, 0xb8})) return AddressKind::kNever;
  if (StartsWith(address, {0x20, 0x01, 0x00, 0x00})) return AddressKind::kNever;
  return AddressKind::kPublic;
}

// Alone or with anything behind them: a resolver's search domain ("instance-data.ec2.internal").
constexpr std::string_view kMetadataNames[] = {
    "metadata.google.internal", "metadata.azure.internal", "instance-data", "rancher-metadata"};
// "metadata" is what the machines of Google's cloud call it; "metadata.example.com" is anybody's.
constexpr std::string_view kMetadataHosts[] = {"metadata",
                                               "metadata.internal",
                                               "metadata.goog",
                                               "metadata.tencentyun.com",
                                               "metadata.packet.net",
                                               "metadata.platformequinix.com",
                                               "api.metadata.cloud.ibm.com"};

// Four numbers of a name that are the address of a metadata service, between dots or hyphens.
bool SpellsMetadata(std::string_view host) {
  uint32_t address = 0;
  int numbers = 0;  // that follow each other
  while (!host.empty()) {
    const size_t end = std::min(host.find_first_of(".-"), host.size());
    unsigned part = 0;
    const auto [rest, error] = std::from_chars(host.data(), host.data() + end, part);
    const bool is_number = error == std::errc() && rest == host.data() + end && part <= 255;
    numbers = is_number ? numbers + 1 : 0;
    address = address << 8 | (part & 255);
    const auto is_there = [address](const V4Net& net) { return IsIn(address, net); };
    if (numbers >= 4 && std::ranges::any_of(kMetadataV4, is_there)) return true;
    host.remove_prefix(std::min(end + 1, host.size()));
  }
  return false;
}

}  // namespace

std::string_view AddressKindName(AddressKind kind) {
  switch (kind) {
    case AddressKind::kLoopback:
      return "loopback";
    case AddressKind::kPrivate:
      return "private";
    case AddressKind::kPublic:
      return "public";
    case AddressKind::kNever:
      return "never";
  }
  CHECK(false, "address kind out of range");
}

std::optional<sockaddr_storage> ParseAddress(const std::string& text) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
  } else if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
  } else {
    return std::nullopt;
  }
  return storage;
}

AddressKind KindOf(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    return KindOfV4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    V6 bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return KindOfV6(bytes);
  }
  return AddressKind::kNever;
}

std::optional<AddressKind> KindOfLiteral(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    V6 bytes;
    const std::string inner(host.substr(1, host.size() - 2));
    if (inet_pton(AF_INET6, inner.c_str(), bytes.data()) != 1) return std::nullopt;
    return KindOfV6(bytes);
  }
  while (host.ends_with('.')) host.remove_suffix(1);
  in_addr address{};
  if (inet_aton(std::string(host).c_str(), &address) == 0) return std::nullopt;
  return KindOfV4(ntohl(address.s_addr));
}

bool IsMetadataName(std::string_view host) {
  std::string lower(host);
  std::ranges::transform(lower, lower.begin(), AsciiLower);
  while (lower.ends_with('.')) lower.pop_back();
  const auto is_named = [&lower](std::string_view name) {
    return lower.starts_with(name) && (lower.size() == name.size() || lower[name.size()] == '.');
  };
  return std::ranges::any_of(kMetadataNames, is_named) ||
         std::ranges::any_of(kMetadataHosts,
                             [&](std::string_view name) { return lower == name; }) ||
         SpellsMetadata(lower);
}

bool MayConnect(AddressKind kind, bool public_allowed) {
  if (kind == AddressKind::kPublic) return public_allowed;
  return kind != AddressKind::kNever;
}

}  // namespace weir
