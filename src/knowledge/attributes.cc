#include "knowledge/attributes.h"

#include <fmt/core.h>

#include <utility>

#include "base/overloaded.h"
#include "json/parse.h"
#include "json/writer.h"
#include "knowledge/passages.h"

namespace weir::knowledge {
namespace {

using Kind = chat::AttributeFilter::Kind;

// What a path would read as its own.
constexpr std::string_view kOfPaths = ".[]%";

std::string Escaped(std::string_view key) {
  std::string name;
  for (const char c : key) {
    if (kOfPaths.find(c) == std::string_view::npos) {
      name += c;
    } else {
      name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return name;
}

std::string Unescaped(std::string_view name) {
  std::string key;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto found = [&]() -> char {
      if (name[i] != '%') return 0;
      for (const char c : kOfPaths) {
        if (name.substr(i).starts_with(Escaped(std::string_view(&c, 1)))) return c;
      }
      return 0;
    }();
    key += found != 0 ? found : name[i];
    if (found != 0) i += 2;
  }
  return key;
}

json::Value ValueOf(const chat::AttributeValue& value) {
  return std::visit([](const auto& v) { return json::Value(v); }, value);
}

double NumberOf(const chat::AttributeValue& value) {
  return std::visit(
      Overloaded{[](bool) { return 0.0; }, [](int64_t v) { return static_cast<double>(v); },
                 [](double v) { return v; }, [](const std::string&) { return 0.0; }},
      value);
}

}  // namespace

json::Value AttributesObject(const chat::Attributes& attributes) {
  json::Object object;
  for (const auto& [key, value] : attributes) object.push_back({key, ValueOf(value)});
  return object;
}

std::string AttributesText(const chat::Attributes& attributes) {
  return attributes.empty() ? "" : json::Print(AttributesObject(attributes));
}

chat::Attributes AttributesOf(const json::Value& value) {
  chat::Attributes attributes;
  const json::Object* object = value.AsObject();
  if (object == nullptr) return attributes;
  for (const json::Member& member : *object) {
    if (const bool* b = member.value.AsBool()) attributes.emplace(member.key, *b);
    if (const int64_t* i = member.value.AsInt()) attributes.emplace(member.key, *i);
    if (const double* d = member.value.AsDouble()) attributes.emplace(member.key, *d);
    if (const std::string* s = member.value.AsString()) attributes.emplace(member.key, *s);
  }
  return attributes;
}

chat::Attributes AttributesFromText(std::string_view text) {
  if (text.empty()) return {};
  const auto value = json::Parse(text);
  return value ? AttributesOf(*value) : chat::Attributes();
}

json::Value AttributesPayload(const chat::Attributes& attributes) {
  json::Object object;
  for (const auto& [key, value] : attributes) object.push_back({Escaped(key), ValueOf(value)});
  return object;
}

chat::Attributes AttributesOfPayload(const json::Value& payload) {
  const json::Value* found = payload.Find(field::kAttributes);
  if (found == nullptr) return {};
  chat::Attributes attributes;
  for (auto& [name, value] : AttributesOf(*found)) attributes.emplace(Unescaped(name), value);
  return attributes;
}

vectors::Filter FilterOf(const chat::AttributeFilter& filter) {
  vectors::Filter out;
  const std::string path = fmt::format("{}.{}", field::kAttributes, Escaped(filter.key));
  const auto number = [&] { return NumberOf(filter.values.front()); };
  switch (filter.kind) {
    case Kind::kEqual:
    case Kind::kIn:
      out.must.push_back(vectors::Match{path, filter.values});
      break;
    case Kind::kNotEqual:
    case Kind::kNotIn:
      out.must_not.push_back(vectors::Match{path, filter.values});
      break;
    case Kind::kGreater:
      out.must.push_back(vectors::Range{.path = path, .gt = number()});
      break;
    case Kind::kGreaterOrEqual:
      out.must.push_back(vectors::Range{.path = path, .gte = number()});
      break;
    case Kind::kLess:
      out.must.push_back(vectors::Range{.path = path, .lt = number()});
      break;
    case Kind::kLessOrEqual:
      out.must.push_back(vectors::Range{.path = path, .lte = number()});
      break;
    case Kind::kAnd:
      for (const auto& part : filter.parts) out.must.push_back(FilterOf(part));
      break;
    case Kind::kOr:
      for (const auto& part : filter.parts) out.should.push_back(FilterOf(part));
      break;
  }
  return out;
}

}  // namespace weir::knowledge
