// Which addresses a backend of a tier may have. What a name resolves to is not the operator's word
// but the resolver's, so the address of every connection is judged here before it is opened; one
// that stands in a URL itself is judged where it is read. Pure.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

enum class AddressKind : uint8_t {
  kLoopback,
  kPrivate,  // RFC 1918, unique local, and 100.64/10 (carrier and overlay networks)
  kPublic,
  kNever,  // link-local and with it cloud metadata, unspecified, multicast, reserved, no IP at all
};
std::string_view AddressKindName(AddressKind kind);

// Of "127.0.0.1" or "::1", without a port.
std::optional<sockaddr_storage> ParseAddress(const std::string& text);

// IPv4 inside IPv6 (mapped, 6to4, NAT64) counts as the IPv4 address.
AddressKind KindOf(const sockaddr& address);

// Of a URL's host that is an address itself: of IPv6 in brackets, of IPv4 in every spelling that a
// resolver takes ("2852039166", "0xa9.254.43518", a dot behind it). Nothing for a name.
std::optional<AddressKind> KindOfLiteral(std::string_view host);

// A URL's host that clouds give their metadata services by a name, in any case and below any search
// domain ("metadata.google.internal."), or that spells the address of one for a resolver to read
// ("169-254-169-254.example", "169.254.169.254.example"). Whoever resolves it, a proxy too, would
// lead there; what else a resolver makes of a name only who connects can see.
bool IsMetadataName(std::string_view host);

// Loopback and private addresses for every tier; public ones where `public_allowed`; kNever never.
bool MayConnect(AddressKind kind, bool public_allowed);

}  // namespace weir
