#include "server/route_table.h"

#include <utility>

namespace weir::server {
namespace {

// Takes what stands before the first "*" of the pattern off both; false when it differs.
bool TakePrefix(std::string_view& pattern, std::string_view& path) {
  const std::string_view prefix = pattern.substr(0, pattern.find('*'));
  if (!path.starts_with(prefix)) return false;
  pattern.remove_prefix(prefix.size());
  path.remove_prefix(prefix.size());
  return true;
}

bool PathMatches(std::string_view pattern, std::string_view path, std::string_view& tail) {
  tail = {};
  bool first = true;
  while (TakePrefix(pattern, path)) {
    if (pattern.empty()) return path.empty();
    if (std::exchange(first, false)) tail = path;
    pattern.remove_prefix(1);
    const size_t length = pattern.empty() ? path.size() : path.find('/');
    if (length == 0 || length == std::string_view::npos) return false;
    path.remove_prefix(length);
  }
  return false;
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
