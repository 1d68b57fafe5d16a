// Which handler answers which path. A new endpoint is a new handler and a row in routes.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "async/task.h"
#include "chat/principal.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

using RouteHandler = Task<void> (*)(Site& site, Call& call);

struct Route {
  std::string_view method;
  // A "*" inside stands for one piece between slashes, at the end for everything below. Call::tail
  // begins where the first of them stands. Of two that match, the earlier row counts.
  std::string_view path;
  RouteHandler handler;
  chat::Scope scope = chat::Scope::kInference;
  bool open = false;  // needs no key: liveness alone
};

std::span<const Route> Routes();

struct Match {
  const Route* route = nullptr;  // null: none
  std::string allowed = {};  // then: the methods that the path takes, "GET, HEAD"; empty: no path
  std::string_view tail = {};
};
Match FindRoute(std::span<const Route> routes, std::string_view method, std::string_view path);

}  // namespace weir::server
