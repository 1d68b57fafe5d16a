#include "llama/schema_walk.h"

#include <json.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace weir::llama {
namespace {

constexpr std::array<std::string_view, 3> kNamed = {"properties", "$defs", "definitions"};
constexpr std::array<std::string_view, 5> kValues = {"const", "enum", "default", "examples",
                                                     "example"};

std::vector<std::string> KeysOf(const common_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, unused] : object.items()) keys.push_back(key);
  return keys;
}

}  // namespace

Holds WhatHolds(std::string_view keyword) {
  const auto is = [&](std::string_view one) { return one == keyword; };
  if (std::any_of(kNamed.begin(), kNamed.end(), is)) return Holds::kNamed;
  if (std::any_of(kValues.begin(), kValues.end(), is)) return Holds::kValues;
  return Holds::kSchemas;
}

void EachSchema(common_json& root, const std::function<void(common_json&)>& see) {
  if (root.is_array()) {
    for (size_t i = 0; i < root.size(); ++i) EachSchema(root.at(i), see);
    return;
  }
  if (!root.is_object()) return;
  for (const std::string& key : KeysOf(root)) {
    common_json& value = root.at(key);
    const Holds holds = WhatHolds(key);
    if (holds == Holds::kValues) continue;
    if (holds == Holds::kSchemas) {
      EachSchema(value, see);
    } else if (value.is_object()) {
      for (const std::string& name : KeysOf(value)) EachSchema(value.at(name), see);
    }
  }
  see(root);
}

}  // namespace weir::llama
