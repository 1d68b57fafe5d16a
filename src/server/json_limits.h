// How deep and how long a JSON body may be.
#pragma once

#include "json/parse.h"
#include "server/site.h"

namespace weir::server {

inline json::Limits JsonLimits(const Site& site) {
  return {.depth = site.options.json_depth_max, .bytes = site.options.body_bytes_max};
}

}  // namespace weir::server
