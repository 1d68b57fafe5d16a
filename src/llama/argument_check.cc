#include "llama/argument_check.h"

#include <string>
#include <string_view>

namespace weir::llama {
namespace {

constexpr int kDepthMax = 64;
constexpr int kStepsMax = 10000;  // schemas that name themselves would go on for ever

class Checker {
 public:
  explicit Checker(const common_json& root) : root_(root) {}

  bool Meets(const common_json& value, const common_json& schema, int depth) const {
    if (depth > kDepthMax || ++steps_ > kStepsMax || !schema.is_object()) return true;
    return MeetsReference(value, schema, depth) && MeetsType(value, schema) &&
           MeetsList(value, schema) && MeetsOneOf(value, schema, depth) &&
           MeetsMembers(value, schema, depth) && MeetsItems(value, schema, depth);
  }

 private:
  static bool Is(const common_json& value, std::string_view type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "number") return value.is_number();
    if (type == "integer") return value.is_number_integer();
    return true;
  }

  static bool MeetsType(const common_json& value, const common_json& schema) {
    if (!schema.contains("type")) return true;
    const common_json type = schema.at("type");
    if (type.is_string()) return Is(value, type.get<std::string>());
    if (!type.is_array()) return true;
    for (const auto& one : type) {
      if (one.is_string() && Is(value, one.get<std::string>())) return true;
    }
    return false;
  }

  // JSON's own text tells whether two values are the same: both were printed by the same printer.
  static bool MeetsList(const common_json& value, const common_json& schema) {
    const std::string text = value.dump_safe();
    if (schema.contains("const") && schema.at("const").dump_safe() != text) return false;
    if (!schema.contains("enum") || !schema.at("enum").is_array()) return true;
    for (const auto& one : schema.at("enum")) {
      if (one.dump_safe() == text) return true;
    }
    return false;
  }

  bool MeetsReference(const common_json& value, const common_json& schema, int depth) const {
    if (!schema.contains("$ref") || !schema.at("$ref").is_string()) return true;
    const std::string reference = schema.at("$ref").get<std::string>();
    if (reference == "#") return Meets(value, root_, depth + 1);
    for (const char* place : {"$defs", "definitions"}) {
      const std::string prefix = std::string("#/") + place + "/";
      if (!reference.starts_with(prefix) || !root_.contains(place)) continue;
      const common_json definitions = root_.at(place);
      const std::string name = reference.substr(prefix.size());
      if (definitions.is_object() && definitions.contains(name))
        return Meets(value, definitions.at(name), depth + 1);
    }
    return true;
  }

  bool MeetsOneOf(const common_json& value, const common_json& schema, int depth) const {
    for (const char* key : {"anyOf", "oneOf"}) {
      if (!schema.contains(key) || !schema.at(key).is_array()) continue;
      bool met = false;
      for (const auto& one : schema.at(key)) met = met || Meets(value, one, depth + 1);
      if (!met) return false;
    }
    return true;
  }

  bool MeetsMembers(const common_json& value, const common_json& schema, int depth) const {
    if (!value.is_object()) return true;
    if (schema.contains("required") && schema.at("required").is_array()) {
      for (const auto& name : schema.at("required")) {
        if (name.is_string() && !value.contains(name.get<std::string>())) return false;
      }
    }
    const bool listed = schema.contains("properties") && schema.at("properties").is_object();
    const common_json properties = listed ? schema.at("properties") : common_json::object();
    const bool closed = schema.contains("additionalProperties") &&
                        schema.at("additionalProperties").is_boolean() &&
                        !schema.at("additionalProperties").get<bool>();
    for (const auto& [name, member] : value.items()) {
      if (properties.contains(name)) {
        if (!Meets(member, properties.at(name), depth + 1)) return false;
      } else if (closed) {
        return false;
      }
    }
    return true;
  }

  bool MeetsItems(const common_json& value, const common_json& schema, int depth) const {
    if (!value.is_array() || !schema.contains("items")) return true;
    const common_json items = schema.at("items");
    for (const auto& item : value) {
      if (!Meets(item, items, depth + 1)) return false;
    }
    return true;
  }

  const common_json& root_;
  mutable int steps_ = 0;
};

}  // namespace

bool MeetsSchema(const common_json& value, const common_json& schema) {
  return Checker(schema).Meets(value, schema, 0);
}

}  // namespace weir::llama
