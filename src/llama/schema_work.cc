#include "llama/schema_work.h"

#include <json-schema.h>
#include <json.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::llama {
namespace {

constexpr int64_t kNodeSteps = 70;
constexpr int64_t kOptionalSteps = 8;
// The longest name of a rule (CheckGrammar); a way of names that is longer has been walked in vain.
constexpr size_t kRuleNameMax = 256;

// A node is read once for each of its types, and so is what lies in it.
int64_t Readings(const common_json& node, int64_t most) {
  int64_t inside = 0;
  if (node.is_array()) {
    for (size_t i = 0; i < node.size() && inside <= most; ++i)
      inside += Readings(node.at(i), most - inside);
    return inside;
  }
  if (!node.is_object()) return 0;
  int64_t times = 1;
  for (const auto& [key, value] : node.items()) {
    if (key == "type" && value.is_array()) {
      const auto holds = [&](const auto& type) { return type != "null" && type != "boolean"; };
      times = std::max<int64_t>(1, std::count_if(value.begin(), value.end(), holds));
    }
    if (inside <= most) inside += Readings(value, most - inside);
  }
  return inside > most / times ? most + 1 : 1 + times * inside;
}

// Walks a schema as the converter does.
class Walk {
 public:
  explicit Walk(int64_t& steps) : steps_(steps) {}

  void Document(const common_chat_schema_document& document) {
    Visit(*document.root, "");
    for (const auto& [ref, target] : document.refs) {
      if (target) Visit(*target, "ref" + ref.substr(1));
    }
    Take(patterns_ * nodes_);
  }

 private:
  using Property = std::pair<std::string_view, const common_chat_schema*>;
  struct Members {
    std::vector<Property> properties;
    int64_t optional = 0;
  };

  template <typename T>
  static const T& As(const common_chat_schema& node) {
    return static_cast<const T&>(node);
  }

  void Take(int64_t steps) {
    steps_ += steps;
    if (steps_ > kSchemaStepsMax) throw SchemaTooMuch();
  }

  // As the converter names a rule.
  static std::string RuleName(const std::string& name) {
    std::string rule;
    for (const char c : name) {
      const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (kept || c == '-' || rule.empty() || rule.back() != '-') rule += kept ? c : '-';
    }
    return rule;
  }

  void Visit(const common_chat_schema& schema, const std::string& name) {
    Take(kNodeSteps);
    ++nodes_;
    std::string rule = RuleName(name);
    if (rule.size() > kRuleNameMax) throw SchemaTooMuch();
    Take(names_[std::move(rule)]++);
    using Kind = common_chat_schema::node_kind;
    switch (schema.kind()) {
      case Kind::KIND_ANY_OF:
        return Each(As<common_chat_schema_any_of>(schema).children, name);
      case Kind::KIND_TUPLE:
        return Each(As<common_chat_schema_tuple>(schema).items, name + "-tuple");
      case Kind::KIND_ARRAY:
        return Visit(*As<common_chat_schema_array>(schema).items, name + "-item");
      case Kind::KIND_STRING:
        patterns_ += As<common_chat_schema_string>(schema).pattern.empty() ? 0 : 1;
        return;
      case Kind::KIND_OBJECT: {
        const auto& object = As<common_chat_schema_object>(schema);
        Members members;
        AddProperties(object, true, members);
        if (object.additional_properties) {
          ++members.optional;
          Visit(*object.additional_properties, name + "-additional-value");
        }
        return Object(members, name);
      }
      case Kind::KIND_ALL_OF:
        return AllOf(As<common_chat_schema_all_of>(schema), name);
      default:
        return;
    }
  }

  void Each(const std::vector<common_chat_schema_ptr>& children, const std::string& name) {
    for (size_t i = 0; i < children.size(); ++i)
      Visit(*children[i], name + "-" + std::to_string(i));
  }

  void Object(const Members& members, const std::string& name) {
    Take(kOptionalSteps * members.optional * members.optional);
    for (const auto& [property, schema] : members.properties)
      Visit(*schema, name + "-" + std::string(property));
  }

  void AddProperties(const common_chat_schema_object& object, bool may_require, Members& members) {
    for (const common_chat_schema_property& property : object.properties) {
      members.properties.emplace_back(property.name, property.schema.get());
      if (!may_require || !property.required) ++members.optional;
    }
  }

  // What it refers to is copied.
  void AllOf(const common_chat_schema_all_of& all, const std::string& name) {
    Members members;
    for (const common_chat_schema_ptr& child : all.children) {
      if (child->kind() == common_chat_schema::KIND_ANY_OF) {
        for (const auto& alternative : As<common_chat_schema_any_of>(*child).children)
          AddPart(*alternative, members);
      } else {
        AddPart(*child, members);
      }
    }
    Object(members, name);
  }

  void AddPart(const common_chat_schema& part, Members& members) {
    const common_chat_schema* at = &part;
    while (at != nullptr && at->kind() == common_chat_schema::KIND_REF) {
      Take(kNodeSteps);  // one that leads back to itself ends here
      at = As<common_chat_schema_ref>(*at).target;
    }
    if (at == nullptr || at->kind() != common_chat_schema::KIND_OBJECT) return;
    const auto& object = As<common_chat_schema_object>(*at);
    Take(static_cast<int64_t>(object.properties.size()));
    AddProperties(object, false, members);
  }

  int64_t& steps_;
  int64_t nodes_ = 0;
  int64_t patterns_ = 0;
  std::map<std::string, int64_t> names_ = {};
};

}  // namespace

common_chat_schema_document ReadWithin(const common_json& schema, SchemaWork& work) {
  const int64_t nodes_max = kSchemaStepsMax / kNodeSteps;
  if (Readings(schema, nodes_max) > nodes_max) throw SchemaTooMuch();
  common_chat_schema_document document = common_chat_schema_from_json(schema);
  Walk(work.steps).Document(document);
  return document;
}

}  // namespace weir::llama
