#include "http/policy.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "http/head.h"

namespace weir::http {
namespace {

// 127.0.0.0/8 written out in full, so that "127.0.0.1.evil.example" is a name and not an address.
bool IsLoopbackV4(std::string_view host) {
  if (!host.starts_with("127.")) return false;
  int parts = 0;
  while (!host.empty()) {
    const std::string_view part = host.substr(0, host.find('.'));
    int value = 0;
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || parsed.ptr != part.data() + part.size() || value > 255) return false;
    ++parts;
    if (part.size() == host.size()) break;
    host.remove_prefix(part.size() + 1);
    if (host.empty()) return false;
  }
  return parts == 4;
}

bool IsLoopback(std::string_view host) {
  return EqualsIgnoreCase(host, "localhost") || EqualsIgnoreCase(host, "localhost.") ||
         host == "[::1]" || IsLoopbackV4(host);
}

bool IsWildcard(std::string_view host) {
  return host == "0.0.0.0" || host == "[::]" || host.empty();
}

}  // namespace

void HostPolicy::AddListener(std::string address) {
  if (!IsWildcard(address)) addresses_.push_back(std::move(address));
}

std::optional<Refusal> HostPolicy::Check(const Request& request,
                                         std::string_view local_address) const {
  if (!HostAllowed(request.host(), local_address)) {
    return Refusal{403, "host_not_allowed",
                   "this server does not answer to the name in Host; add it to allowed_hosts"};
  }
  const size_t origins = request.headers.Count("origin");
  if (origins == 0) return std::nullopt;
  if (origins > 1 || !OriginAllowed(*request.headers.Find("origin"), request.host())) {
    return Refusal{403, "origin_not_allowed",
                   "pages of this Origin may not call this server; add it to allowed_origins"};
  }
  return std::nullopt;
}

bool HostPolicy::HostAllowed(std::string_view field, std::string_view local_address) const {
  const std::optional<HostPort> parts = SplitHost(field);
  if (!parts) return false;
  const auto is_host = [&](std::string_view allowed) {
    return EqualsIgnoreCase(allowed, parts->host);
  };
  return IsLoopback(parts->host) || (!IsWildcard(local_address) && is_host(local_address)) ||
         std::ranges::any_of(addresses_, is_host) ||
         std::ranges::any_of(options_.hosts, [&](std::string_view allowed) {
           return is_host(allowed) || EqualsIgnoreCase(allowed, field);
         });
}

bool HostPolicy::OriginAllowed(std::string_view origin, std::string_view host) const {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme) && EqualsIgnoreCase(origin.substr(scheme.size()), host))
      return true;
  }
  return std::ranges::any_of(options_.origins, [origin](std::string_view allowed) {
    return allowed == "*" || EqualsIgnoreCase(allowed, origin);
  });
}

bool IsPreflight(const Request& request) {
  return request.method == "OPTIONS" && request.headers.Find("origin") &&
         request.headers.Find("access-control-request-method");
}

Reply AnswerPreflight(const Request& request) {
  Reply reply{.status = 204};
  reply.headers.Add("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
  if (const auto asked = request.headers.Find("access-control-request-headers")) {
    reply.headers.Add("Access-Control-Allow-Headers", *asked);
  }
  if (request.headers.Find("access-control-request-private-network")) {
    reply.headers.Add("Access-Control-Allow-Private-Network", "true");
  }
  reply.headers.Add("Access-Control-Max-Age", "600");
  return reply;
}

void AddCrossOriginFields(const Request& request, Headers& headers) {
  const auto origin = request.headers.Find("origin");
  if (!origin) return;
  headers.Add("Access-Control-Allow-Origin", *origin);
  headers.Add("Access-Control-Expose-Headers", "*");
  headers.Add("Vary", "Origin");
}

}  // namespace weir::http
