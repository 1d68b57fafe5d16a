// Where a backend's URL may point.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/units.h"

namespace weir::config {

// https:// to anywhere; http:// only to loopback and private addresses (127/8, 10/8, 172.16/12,
// 192.168/16, ::1, fc00::/7) and to names that public DNS does not serve (localhost, a single word,
// .local, .lan, .internal, .home.arpa). What such a name resolves to is for the one who connects to
// check. No user, query or fragment: a credential does not belong in a URL, and the error does not
// repeat it. Addresses that no backend may have (base/address.h) are refused in every spelling, and
// the names that clouds give their metadata services: they live there. Returns the URL without a
// trailing slash.
Parsed<std::string> ParseUrl(std::string_view text);

// http:// to a host, and a port if it says one; nothing else. Not to addresses that no backend may
// have.
Parsed<std::string> ParseProxy(std::string_view text);

// Where a program of this machine listens.
struct Loopback {
  std::vector<std::string> addresses = {};  // numeric; "localhost" has two
  uint16_t port = 80;
  std::string host = {};  // as the URL has it, with the port: what a Host header says
};
// Of a URL that ParseUrl took. Nothing when it is not http:// to a loopback address.
std::optional<Loopback> ParseLoopback(std::string_view url);

}  // namespace weir::config
