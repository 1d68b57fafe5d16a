#include "server/route_table.h"

namespace weir::server {
namespace {

bool PathMatches(std::string_view pattern, std::string_view path, std::string_view& tail) {
  if (!pattern.ends_with("/*")) return pattern == path;
  const std::string_view prefix = pattern.substr(0, pattern.size() - 1);
  if (!path.starts_with(prefix) || path.size() == prefix.size()) return false;
  tail = path.substr(prefix.size());
  return true;
}

}  // namespace

Match FindRoute(std::span<const Route> routes, std::string_view method, std::string_view path) {
  Match match;
  for (const Route& route : routes) {
    std::string_view tail;
    if (!PathMatches(route.path, path, tail)) continue;
    const bool head_for_get = method == "HEAD" && route.method == "GET";
    if (route.method == method || head_for_get) return {.route = &route, .tail = tail};
    if (!match.allowed.empty()) match.allowed += ", ";
    match.allowed += route.method;
    if (route.method == "GET") match.allowed += ", HEAD";
  }
  return match;
}

}  // namespace weir::server
