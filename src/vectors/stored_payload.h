// A payload as its column holds it: JSON text, and nothing for null.
#pragma once

#include <string_view>

#include "base/result.h"
#include "json/parse.h"
#include "json/value.h"

namespace weir::vectors {

inline Result<json::Value> ParsePayload(std::string_view text) {
  if (text.empty()) return json::Value();
  return json::Parse(text);
}

}  // namespace weir::vectors
