#include "llama/schema_check.h"

#include <fmt/format.h>
#include <json.h>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "llama/json_depth.h"
#include "llama/number_rules.h"
#include "llama/schema_number.h"
#include "llama/schema_pattern.h"
#include "llama/schema_walk.h"
#include "llama/schema_work.h"

namespace weir::llama {
namespace {

using Keywords = std::set<std::string_view>;

const Keywords& Annotations() {
  static const Keywords& words =
      *new Keywords{"title",     "description", "default",     "examples",     "example",
                    "$schema",   "$id",         "$comment",    "deprecated",   "readOnly",
                    "writeOnly", "$defs",       "definitions", "discriminator"};
  return words;
}

const Keywords& NumberKeywords() {
  static const Keywords& words =
      *new Keywords{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"};
  return words;
}

// The formats that the converter has rules for, and those that a pattern describes.
bool HasRules(const common_json& format) {
  static const std::set<std::string> kFormats{"date",  "time",  "date-time", "uuid", "uuid1",
                                              "uuid2", "uuid3", "uuid4",     "uuid5"};
  const auto name = format.get<std::string>();
  return kFormats.contains(name) || !PatternOfFormat(name).empty();
}

class Checker {
 public:
  Checker(const common_json& root, std::string_view param, SchemaUse use, NumberRules& numbers)
      : root_(root), param_(param), use_(use), numbers_(numbers) {}

  Result<void> Check() {
    Schema(root_, "", 0);
    if (!error_ && use_ != SchemaUse::kAnswer && !DescribesObject(root_, 0)) {
      Wrong("", "the parameters of a function must be described as an object");
    }
    if (!error_) return {};
    return Fail(*error_);
  }

 private:
  void Wrong(const std::string& path, std::string message) {
    if (error_) return;
    error_ = Error{.code = Code::kInvalidArgument,
                   .message = std::move(message),
                   .param = param_ + path,
                   .reason = "schema_unsupported"};
  }
  void Unsupported(const std::string& path, std::string_view keyword, std::string_view why = {}) {
    Wrong(path + "/" + std::string(keyword),
          fmt::format("the schema keyword {} is not supported{}{}", keyword, why.empty() ? "" : " ",
                      why));
  }

  // Every keyword of `node` must be one of `allowed` or an annotation.
  void Only(const common_json& node, const std::string& path, const Keywords& allowed,
            std::string_view why = {}) {
    for (const auto& [key, value] : node.items()) {
      if (key == "format" && !FormatBinds(node)) continue;
      if (!allowed.contains(key) && !Annotations().contains(key)) Unsupported(path, key, why);
    }
  }

  // Whether the schema's format says more than a reader of it may ignore.
  bool FormatBinds(const common_json& node) const {
    if (!node.contains("format")) return false;
    if (use_ != SchemaUse::kParameters) return true;
    // Lengths beside a format that a pattern describes are what is kept to.
    const bool bounded = node.contains("minLength") || node.contains("maxLength");
    const bool described = !PatternOfFormat(node.at("format").get<std::string>()).empty();
    return HasRules(node.at("format")) && !node.contains("pattern") && !(described && bounded);
  }

  // Every value of a schema that has passed is an object, or there is nothing that says otherwise.
  bool DescribesObject(const common_json& raw, int depth) const {
    if (depth > kSchemaDepthMax) return false;
    const common_json& node = Followed(raw);
    for (const char* key : {"oneOf", "anyOf", "allOf"}) {
      if (!node.contains(key)) continue;
      const common_json& list = node.at(key);
      for (size_t i = 0; i < list.size(); ++i) {
        if (!DescribesObject(list.at(i), depth + 1)) return false;
      }
      return true;
    }
    if (node.contains("type")) return node.at("type") == "object";
    if (node.contains("properties") || node.contains("additionalProperties")) return true;
    for (const auto& [key, unused] : node.items()) {
      if (!Annotations().contains(key)) return false;
    }
    return true;
  }

  void Schema(const common_json& node, const std::string& path, int depth) {
    if (error_) return;
    if (++nodes_ > kSchemaNodesMax) {
      return Wrong(path, fmt::format("the schema has over {} subschemas", kSchemaNodesMax));
    }
    if (depth > kSchemaDepthMax) {
      return Wrong(path, fmt::format("the schema is nested over {} deep", kSchemaDepthMax));
    }
    if (!node.is_object()) return Wrong(path, "a schema must be an object");
    if (node.contains("format") && !node.at("format").is_string()) {
      return Wrong(path + "/format", "format must be a string");
    }
    if (node.contains("$ref")) return Reference(node, path, depth);
    if (node.contains("oneOf") || node.contains("anyOf")) return Alternatives(node, path, depth);
    common_json type;
    if (node.contains("type")) type = node.at("type");
    if (type.is_array()) return TypeList(node, type, path, depth);
    if (!type.is_null() && !type.is_string()) {
      return Wrong(path + "/type", "type must be a string or an array of strings");
    }
    const std::string name = type.is_string() ? type.get<std::string>() : "";
    if (node.contains("const")) return Constant(node, name, path);
    if (node.contains("enum")) return Enumeration(node, name, path);
    Typed(node, name, path, depth);
  }

  void Typed(const common_json& node, const std::string& type, const std::string& path, int depth) {
    const bool object = node.contains("properties") || node.contains("additionalProperties");
    const bool all_of = node.contains("allOf") && !object;
    if ((type.empty() || type == "object") && all_of) return AllOf(node, path, depth);
    if (type == "object" || (type.empty() && object)) return Object(node, path, depth);
    if (type == "array" ||
        (type.empty() && (node.contains("items") || node.contains("prefixItems")))) {
      return Array(node, path, depth);
    }
    const bool string = node.contains("pattern") || node.contains("minLength") ||
                        node.contains("maxLength") || FormatBinds(node);
    if (type == "string" || (type.empty() && string)) return String(node, path);
    if (type == "integer" || type == "number") return Number(node, type, path);
    const bool number = std::any_of(NumberKeywords().begin(), NumberKeywords().end(),
                                    [&](auto key) { return node.contains(std::string(key)); });
    if (type.empty() && number) return Number(node, "number", path);
    if (type == "boolean" || type == "null") {
      return Only(node, path, {"type"}, fmt::format("for the type {}", type));
    }
    if (type.empty()) return Only(node, path, {}, "without a type");
    Wrong(path + "/type", "the type is none of those of JSON Schema");
  }

  void Reference(const common_json& node, const std::string& path, int depth) {
    Only(node, path, {"$ref"}, "beside $ref");
    if (!node.at("$ref").is_string()) return Wrong(path + "/$ref", "$ref must be a string");
    const std::string ref = node.at("$ref").get<std::string>();
    if (!ref.starts_with("#/")) {
      return Wrong(path + "/$ref", "only references into the same schema (#/...) are supported");
    }
    const common_json* target = Resolve(ref);
    if (target == nullptr) return Wrong(path + "/$ref", "the reference leads nowhere");
    // A schema that is nothing but a reference to itself describes nothing.
    std::set<std::string> chain{ref};
    const common_json* link = target;
    while (link->is_object() && link->contains("$ref") && link->at("$ref").is_string()) {
      const std::string next = link->at("$ref").get<std::string>();
      if (!chain.insert(next).second) {
        return Wrong(path + "/$ref", "the reference leads back to itself");
      }
      link = Resolve(next);
      if (link == nullptr) return Wrong(path + "/$ref", "the reference leads nowhere");
    }
    if (seen_.insert(ref).second) Schema(*target, ref.substr(1), depth + 1);
  }

  // As the converter resolves: no ~0 and ~1 escapes. Not into a value, which nobody rewrites.
  const common_json* Resolve(const std::string& ref) const {
    const common_json* target = &root_;
    bool among_names = false;
    size_t at = 2;
    while (at <= ref.size()) {
      const size_t end = std::min(ref.find('/', at), ref.size());
      const std::string step = ref.substr(at, end - at);
      const Holds holds = among_names ? Holds::kSchemas : WhatHolds(step);
      among_names = holds == Holds::kNamed;
      if (holds != Holds::kValues && target->is_object() && target->contains(step)) {
        target = &target->at(step);
      } else {
        return nullptr;
      }
      at = end + 1;
    }
    return target;
  }

  void Alternatives(const common_json& node, const std::string& path, int depth) {
    const std::string key = node.contains("oneOf") ? "oneOf" : "anyOf";
    Only(node, path, {key}, "beside " + key);
    const common_json& list = node.at(key);
    if (!list.is_array() || list.empty()) {
      return Wrong(path + "/" + key, key + " must be an array with at least one schema");
    }
    for (size_t i = 0; i < list.size() && !error_; ++i) {
      Schema(list.at(i), fmt::format("{}/{}/{}", path, key, i), depth + 1);
    }
    if (key == "oneOf" && !error_ && !ExcludeOneAnother(list)) {
      Wrong(path + "/oneOf",
            "oneOf is supported where no value can match two alternatives (other types, or another "
            "constant in the same required property); use anyOf");
    }
  }

  // Types, constants or a discriminating property tell the alternatives apart.
  bool ExcludeOneAnother(const common_json& list) const {
    std::set<std::string> types;
    bool by_type = true;
    std::set<std::string> values;
    bool by_value = true;
    for (const auto& raw : list) {
      const common_json& alternative = Followed(raw);
      const std::string type = alternative.contains("type") && alternative.at("type").is_string()
                                   ? alternative.at("type").get<std::string>()
                                   : "";
      by_type = by_type && !type.empty() && types.insert(type).second;
      by_value = by_value && InsertValues(alternative, values);
    }
    if (by_type && !(types.contains("integer") && types.contains("number"))) return true;
    return by_value || Discriminated(list);
  }

  static bool InsertValues(const common_json& node, std::set<std::string>& values) {
    if (node.contains("const")) return values.insert(node.at("const").dump_safe()).second;
    if (!node.contains("enum") || !node.at("enum").is_array()) return false;
    for (const auto& value : node.at("enum")) {
      if (!values.insert(value.dump_safe()).second) return false;
    }
    return true;
  }

  const common_json& Followed(const common_json& node) const {
    const common_json* at = &node;
    for (int i = 0; i < kSchemaDepthMax && at->is_object() && at->contains("$ref"); ++i) {
      const common_json* next =
          at->at("$ref").is_string() ? Resolve(at->at("$ref").get<std::string>()) : nullptr;
      if (next == nullptr) break;
      at = next;
    }
    return *at;
  }

  bool Discriminated(const common_json& list) const {
    const common_json& first = Followed(list.at(0));
    if (!first.contains("properties") || !first.at("properties").is_object()) return false;
    for (const auto& [name, unused] : first.at("properties").items()) {
      std::set<std::string> values;
      bool all = true;
      for (const auto& raw : list) {
        const common_json& alternative = Followed(raw);
        all = all && alternative.contains("properties") &&
              alternative.at("properties").contains(name) && Requires(alternative, name) &&
              InsertValues(Followed(alternative.at("properties").at(name)), values);
        if (!all) break;
      }
      if (all) return true;
    }
    return false;
  }

  static bool Requires(const common_json& node, const std::string& name) {
    if (!node.contains("required") || !node.at("required").is_array()) return false;
    for (const auto& entry : node.at("required")) {
      if (entry.is_string() && entry.get<std::string>() == name) return true;
    }
    return false;
  }

  // {"type": ["a", "b"]} is the schema once for each type; keywords of other types do not bind.
  void TypeList(const common_json& node, const common_json& types, const std::string& path,
                int depth) {
    if (types.empty() || types.size() > 7) {
      return Wrong(path + "/type", "type must name at least one and at most seven types");
    }
    static const Keywords kString{"minLength", "maxLength", "pattern", "format"};
    static const Keywords kArray{"items", "prefixItems", "minItems", "maxItems"};
    static const Keywords kObject{"properties", "required", "additionalProperties"};
    std::set<std::string> names;
    for (const auto& type : types) {
      if (!type.is_string()) return Wrong(path + "/type", "types are strings");
      names.insert(type.get<std::string>());
    }
    const std::array<std::pair<std::string, const Keywords*>, 5> owners{
        {{"string", &kString},
         {"integer", &NumberKeywords()},
         {"number", &NumberKeywords()},
         {"array", &kArray},
         {"object", &kObject}}};
    for (const std::string& name : names) {
      common_json alone = common_json::object();
      for (const auto& [key, value] : node.items()) {
        bool own = false;
        bool foreign = false;
        for (const auto& [owner, keywords] : owners) {
          if (!names.contains(owner) || !keywords->contains(key)) continue;
          (owner == name ? own : foreign) = true;
        }
        if (own || !foreign) alone[key] = value;
      }
      // Values of an enum are checked against all the types together.
      alone["type"] = name;
      if (alone.contains("const") || alone.contains("enum")) alone.erase("type");
      Schema(alone, path, depth + 1);
    }
  }

  static bool IsOfType(const common_json& value, const std::string& type) {
    if (type.empty()) return true;
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "array") return value.is_array();
    return type == "object" && value.is_object();
  }

  void Constant(const common_json& node, const std::string& type, const std::string& path) {
    Only(node, path, {"const", "type"}, "beside const");
    if (!IsOfType(node.at("const"), type))
      Wrong(path + "/const", "the constant is of another type");
  }

  void Enumeration(const common_json& node, const std::string& type, const std::string& path) {
    Only(node, path, {"enum", "type"}, "beside enum");
    const common_json& values = node.at("enum");
    if (!values.is_array() || values.empty()) {
      return Wrong(path + "/enum", "enum must be an array with at least one value");
    }
    if (values.size() > static_cast<size_t>(kSchemaEnumMax)) {
      return Wrong(path + "/enum", fmt::format("enum has over {} values", kSchemaEnumMax));
    }
    for (const auto& value : values) {
      if (!IsOfType(value, type)) Wrong(path + "/enum", "a value of enum is of another type");
    }
  }

  void Object(const common_json& node, const std::string& path, int depth) {
    Only(node, path, {"type", "properties", "required", "additionalProperties"}, "for objects");
    const bool has_properties = node.contains("properties");
    if (has_properties && !node.at("properties").is_object()) {
      return Wrong(path + "/properties", "properties must be an object");
    }
    if (has_properties) {
      for (const auto& [name, schema] : node.at("properties").items()) {
        Schema(schema, fmt::format("{}/properties/{}", path, name), depth + 1);
      }
    }
    if (node.contains("required")) Required(node, path);
    if (!node.contains("additionalProperties")) return;
    const common_json& more = node.at("additionalProperties");
    if (more.is_object()) return Schema(more, path + "/additionalProperties", depth + 1);
    if (!more.is_boolean()) {
      Wrong(path + "/additionalProperties", "additionalProperties must be a boolean or a schema");
    }
  }

  void Required(const common_json& node, const std::string& path) {
    const common_json& required = node.at("required");
    if (!required.is_array()) return Wrong(path + "/required", "required must be an array");
    for (const auto& name : required) {
      if (!name.is_string()) return Wrong(path + "/required", "required names properties");
      const bool known =
          node.contains("properties") && node.at("properties").contains(name.get<std::string>());
      if (!known) {
        return Wrong(path + "/required", "required names a property that properties does not hold");
      }
    }
  }

  void Array(const common_json& node, const std::string& path, int depth) {
    const bool items = node.contains("items");
    const bool tuple = node.contains("prefixItems") || (items && node.at("items").is_array());
    if (tuple) {
      Only(node, path, {"type", items ? "items" : "prefixItems"}, "for arrays with prefixItems");
      const std::string key = items ? "items" : "prefixItems";
      const common_json& list = node.at(key);
      if (!list.is_array()) return Wrong(path + "/" + key, key + " must be an array");
      for (size_t i = 0; i < list.size() && !error_; ++i) {
        Schema(list.at(i), fmt::format("{}/{}/{}", path, key, i), depth + 1);
      }
      return;
    }
    Only(node, path, {"type", "items", "minItems", "maxItems"}, "for arrays");
    if (items) Schema(node.at("items"), path + "/items", depth + 1);
    Counts(node, path, "minItems", "maxItems");
  }

  void Counts(const common_json& node, const std::string& path, const char* least,
              const char* most) {
    const int64_t low = Count(node, path, least, 0);
    const int64_t high = Count(node, path, most, kSchemaCountMax);
    if (low > high) {
      Wrong(path + "/" + least, fmt::format("{} is over {}", least, most));
    }
  }

  int64_t Count(const common_json& node, const std::string& path, const char* key, int64_t absent) {
    if (!node.contains(key)) return absent;
    const common_json& value = node.at(key);
    const std::string at = path + "/" + key;
    if (!value.is_number_integer()) {
      Wrong(at, fmt::format("{} must be an integer", key));
      return absent;
    }
    const auto count = value.get<int64_t>();
    if (count < 0 || count > kSchemaCountMax) {
      Wrong(at, fmt::format("{} must be between 0 and {}", key, kSchemaCountMax));
      return absent;
    }
    return count;
  }

  void String(const common_json& node, const std::string& path) {
    if (node.contains("pattern")) {
      Only(node, path, {"type", "pattern"}, "beside pattern");
      return Pattern(node.at("pattern"), path + "/pattern");
    }
    if (FormatBinds(node)) {
      Only(node, path, {"type", "format"}, "beside format");
      if (!HasRules(node.at("format"))) {
        Wrong(path + "/format",
              "this format is not supported; date, time, date-time, duration, email, "
              "hostname, ipv4, ipv6 and uuid are");
      }
      return;
    }
    Only(node, path, {"type", "minLength", "maxLength"}, "for strings");
    Counts(node, path, "minLength", "maxLength");
  }

  void Pattern(const common_json& value, const std::string& path) {
    if (!value.is_string()) return Wrong(path, "pattern must be a string");
    if (std::string problem = PatternProblem(value.get<std::string>()); !problem.empty()) {
      Wrong(path, std::move(problem));
    }
  }

  void Number(const common_json& node, const std::string& type, const std::string& path) {
    Keywords allowed = NumberKeywords();
    allowed.insert("type");
    Only(node, path, allowed, fmt::format("for the type {}", type));
    if (error_) return;
    const auto range = ReadNumberRange(node, type == "integer");
    auto problem = range ? std::nullopt : std::optional(range.error());
    if (range && range->bound()) problem = numbers_.Add(*range);
    if (!problem) return;
    Wrong(problem->keyword.empty() ? path : path + "/" + problem->keyword, problem->why);
  }

  // The converter joins objects' properties, and takes what enums have in common.
  void AllOf(const common_json& node, const std::string& path, int depth) {
    Only(node, path, {"allOf", "type"}, "beside allOf");
    const common_json& list = node.at("allOf");
    if (!list.is_array() || list.empty()) {
      return Wrong(path + "/allOf", "allOf must be an array with at least one schema");
    }
    std::set<std::string> names;
    bool enums = true;
    bool objects = true;
    for (size_t i = 0; i < list.size() && !error_; ++i) {
      const std::string at = fmt::format("{}/allOf/{}", path, i);
      Schema(list.at(i), at, depth + 1);
      const common_json& part = Followed(list.at(i));
      enums = enums && part.is_object() && part.contains("enum");
      objects =
          objects && part.is_object() && part.contains("properties") &&
          part.at("properties").is_object() &&
          (!part.contains("additionalProperties") || !part.at("additionalProperties").is_object());
      if (!objects) continue;
      for (const auto& [name, unused] : part.at("properties").items()) {
        if (!names.insert(name).second) {
          Wrong(fmt::format("{}/properties/{}", at, name),
                "two parts of allOf describe the same property");
        }
      }
    }
    if (!error_ && !objects && !(enums && list.size() == 1)) {
      Wrong(path + "/allOf", "allOf is supported for objects with properties only");
    }
  }

  const common_json& root_;
  std::string param_;
  SchemaUse use_;
  NumberRules& numbers_;
  int nodes_ = 0;
  std::set<std::string> seen_ = {};
  std::optional<Error> error_ = {};
};

}  // namespace

Result<void> CheckSchema(std::string_view schema, std::string_view param, SchemaUse use) {
  SchemaWork work;
  NumberRules numbers(work);
  return CheckSchema(schema, param, use, numbers);
}

Result<void> CheckSchema(std::string_view schema, std::string_view param, SchemaUse use,
                         NumberRules& numbers) {
  const auto wrong = [&](std::string message) {
    return Fail(Code::kInvalidArgument, std::move(message), std::string(param), "schema_invalid");
  };
  if (schema.size() > kSchemaBytesMax) {
    return wrong(fmt::format("the schema is over {} bytes", kSchemaBytesMax));
  }
  // A level of the schema is two of the JSON ("properties" and the property).
  if (JsonDepth(schema) > 3 * kSchemaDepthMax) {
    return wrong(fmt::format("the schema is nested over {} deep", kSchemaDepthMax));
  }
  try {
    const common_json root = common_json::parse_no_throw(std::string(schema));
    if (root.is_discarded()) return wrong("the schema is not valid JSON");
    return Checker(root, param, use, numbers).Check();
  } catch (const std::exception&) {
    return wrong("the schema cannot be read");
  }
}

}  // namespace weir::llama
