#include "llama/schema_nullable.h"

#include <json.h>

#include <exception>

#include "llama/grammar.h"
#include "llama/json_depth.h"
#include "llama/schema_check.h"
#include "llama/schema_walk.h"

namespace weir::llama {
namespace {

constexpr const char* kWord = "nullable";

void AllowNull(common_json& node) {
  if (!node.contains("type") || !node.at("type").is_string() || node.contains("const")) return;
  if (node.contains("enum")) {
    common_json& values = node.at("enum");
    if (!values.is_array()) return;
    bool there = false;
    for (const auto& value : values) there = there || value.is_null();
    if (!there) values.push_back(nullptr);
  }
  const auto type = node.at("type").get<std::string>();
  common_json types = common_json::array();
  types.push_back(type);
  if (type != "null") types.push_back("null");
  node["type"] = types;
  node.erase(kWord);
}

void Rewrite(common_json& node) {
  if (!node.contains(kWord) || !node.at(kWord).is_boolean()) return;
  if (node.at(kWord).get<bool>()) {
    AllowNull(node);
  } else {
    node.erase(kWord);
  }
}

}  // namespace

std::string WithNullAsType(std::string_view schema) {
  const bool has = schema.find("\"nullable\"") != std::string_view::npos;
  if (!has || schema.size() > kSchemaBytesMax || JsonDepth(schema) > 3 * kSchemaDepthMax)
    return std::string(schema);
  try {
    common_json json = common_json::parse(std::string(schema));
    EachSchema(json, Rewrite);
    return json.dump_safe();
  } catch (const std::exception&) {
    return std::string(schema);  // its reader says what is wrong
  }
}

}  // namespace weir::llama
