// A payload as its column holds it: JSON text, and nothing for null.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "json/parse.h"
#include "json/value.h"
#include "json/writer.h"

namespace weir::vectors {

inline std::string PrintPayload(const json::Value& payload) {
  return payload.is_null() ? std::string() : json::Print(payload);
}

inline Result<json::Value> ParsePayload(std::string_view text) {
  if (text.empty()) return json::Value();
  return json::Parse(text);
}

}  // namespace weir::vectors
