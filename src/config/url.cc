#include "config/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/address.h"

namespace weir::config {
namespace {

constexpr size_t kUrlMax = 2048;

bool IsPrivateV4(const std::array<uint8_t, 16>& a) {
  return a[0] == 127 || a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
         (a[0] == 192 && a[1] == 168);
}

bool IsPrivateV6(const std::array<uint8_t, 16>& a) {
  const bool loopback =
      std::ranges::all_of(a.begin(), a.end() - 1, [](uint8_t byte) { return byte == 0; }) &&
      a[15] == 1;
  return loopback || (a[0] & 0xfe) == 0xfc;
}

bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= 253 && host.front() != '.' && host.front() != '-' &&
         std::ranges::all_of(host, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

// Something that a resolver may read as an address in an odd notation ("127.1", "0x7f000001",
// "2130706433").
bool LooksNumeric(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return last.empty() || (last[0] >= '0' && last[0] <= '9');
}

bool IsPrivateName(std::string_view host) {
  if (LooksNumeric(host)) return false;
  if (host.find('.') == std::string_view::npos) return true;
  constexpr std::string_view kSuffixes[] = {".localhost", ".local", ".lan", ".internal",
                                            ".home.arpa"};
  return std::ranges::any_of(kSuffixes, [host](std::string_view s) { return host.ends_with(s); });
}

struct Authority {
  std::string host;
  bool is_private;
};

std::optional<Authority> ParseHost(std::string_view host) {
  std::array<uint8_t, 16> address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    const std::string inner(host.substr(1, host.size() - 2));
    if (inet_pton(AF_INET6, inner.c_str(), address.data()) != 1) return std::nullopt;
    return Authority{inner, IsPrivateV6(address)};
  }
  const std::string name(host);
  if (inet_pton(AF_INET, name.c_str(), address.data()) == 1)
    return Authority{name, IsPrivateV4(address)};
  if (!IsHostName(host)) return std::nullopt;
  return Authority{name, IsPrivateName(host)};
}

// After the host: nothing, or a colon and 1 to 65535.
bool IsPort(std::string_view text) {
  if (text.empty()) return true;
  const auto port = ParseInteger(text.substr(1));
  return text[0] == ':' && port && *port >= 1 && *port <= 65'535;
}

// Of "host", "host:port", "[address]:port".
std::string_view HostOf(std::string_view authority) {
  return authority.substr(
      0, authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':'));
}

std::optional<Authority> ParseAuthority(std::string_view text) {
  const std::string_view host = HostOf(text);
  return IsPort(text.substr(host.size())) ? ParseHost(host) : std::nullopt;
}

constexpr std::string_view kNobodys =
    "has an address that no backend may have (link-local, cloud metadata, reserved)";

bool IsNobodys(std::string_view host) {
  return KindOfLiteral(host) == AddressKind::kNever || IsMetadataName(host);
}

}  // namespace

Parsed<std::string> ParseProxy(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with(kScheme) && ParseAuthority(text.substr(kScheme.size()))) {
    if (IsNobodys(HostOf(text.substr(kScheme.size()))))
      return std::unexpected(std::string(kNobodys));
    return std::string(text);
  }
  return std::unexpected("takes a proxy as http://host:port, without user and path");
}

Parsed<std::string> ParseUrl(std::string_view text) {
  const auto fail = [](std::string_view why) { return std::unexpected(std::string(why)); };
  if (text.size() > kUrlMax) return fail("takes a URL of at most 2048 bytes");
  const bool plain = text.starts_with("http://");
  if (!plain && !text.starts_with("https://"))
    return fail("takes a URL that starts with https:// or http://");
  if (!std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; })) {
    return fail("takes a URL of printable ASCII without spaces and backslashes");
  }
  const std::string_view rest = text.substr(plain ? 7 : 8);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) {
    return fail("takes a URL without a user or password; use key_env or key_file");
  }
  if (text.find_first_of("?#") != std::string_view::npos)
    return fail("takes a URL without ? and #");
  const auto host = ParseAuthority(authority);
  if (!host) return fail("has no valid host and port");
  if (IsNobodys(HostOf(authority))) return fail(kNobodys);
  if (plain && !host->is_private) {
    return fail("may use http:// only for loopback and private addresses; use https://");
  }
  while (text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

std::optional<Loopback> ParseLoopback(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const std::string_view authority = url.substr(0, url.find('/'));
  const size_t host_end =
      authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':');
  const std::string_view host = authority.substr(0, host_end);
  Loopback found{.host = std::string(authority)};
  if (host_end < authority.size()) {
    const auto port = ParseInteger(authority.substr(host_end + 1));
    if (!port) return std::nullopt;
    found.port = static_cast<uint16_t>(*port);
  }
  std::array<uint8_t, 16> address;
  if (host == "localhost") {
    found.addresses = {"127.0.0.1", "::1"};
  } else if (host == "[::1]") {
    found.addresses = {"::1"};
  } else if (inet_pton(AF_INET, std::string(host).c_str(), address.data()) == 1 &&
             address[0] == 127) {
    found.addresses = {std::string(host)};
  } else {
    return std::nullopt;
  }
  return found;
}

}  // namespace weir::config
