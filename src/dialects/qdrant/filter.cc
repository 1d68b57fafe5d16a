#include "dialects/qdrant/filter.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "dialects/qdrant/ids.h"
#include "vectors/filter_match.h"
#include "vectors/types.h"

namespace weir::qdrant {
namespace {

using vectors::Condition;
using vectors::Filter;

constexpr size_t kPathBytes = vectors::Limits::kNameBytes;
constexpr double kAny = std::numeric_limits<double>::max();

Filter FilterAt(json::Problem& problem, const json::Value& value, const std::string& path,
                size_t depth);

std::string KeyOf(json::Fields& fields) {
  return fields.Require().String("key", kPathBytes).value_or("");
}

// A string, a whole number or a boolean.
std::optional<vectors::Scalar> ScalarOf(const json::Value& value) {
  if (const std::string* s = value.AsString()) return *s;
  if (const int64_t* i = value.AsInt()) return *i;
  if (const bool* b = value.AsBool()) return *b;
  return std::nullopt;
}

std::vector<vectors::Scalar> ScalarsAt(json::Fields& fields, std::string_view key) {
  std::vector<vectors::Scalar> scalars;
  const json::Array* list = fields.List(key, Filter::kValuesMax);
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    auto scalar = ScalarOf((*list)[i]);
    if (!scalar) {
      fields.Refuse(fmt::format("{}[{}]", key, i), "must be a string, a whole number or a boolean");
      return {};
    }
    scalars.push_back(std::move(*scalar));
  }
  return scalars;
}

// Each word by itself: any of them will do.
Filter AnyWord(const std::string& path, const std::string& words) {
  Filter any;
  constexpr std::string_view kSpaces = " \t\r\n";
  for (size_t at = 0; (at = words.find_first_not_of(kSpaces, at)) != std::string::npos;) {
    const size_t end = std::min(words.find_first_of(kSpaces, at), words.size());
    any.should.push_back(vectors::HasWords{path, words.substr(at, end - at)});
    at = end;
  }
  // No words at all match nothing.
  if (any.should.empty()) any.should.push_back(vectors::Match{path, {}});
  return any;
}

Condition MatchAt(json::Fields& fields, const std::string& path) {
  Condition condition = vectors::Match{path, {}};
  size_t kinds = 0;
  if (const json::Value* value = fields.Take("value")) {
    ++kinds;
    auto scalar = ScalarOf(*value);
    if (!scalar) fields.Refuse("value", "must be a string, a whole number or a boolean");
    if (scalar) condition = vectors::Match{path, {std::move(*scalar)}};
  }
  if (fields.Take("any") != nullptr) {
    ++kinds;
    condition = vectors::Match{path, ScalarsAt(fields, "any")};
  }
  if (fields.Take("except") != nullptr) {
    ++kinds;
    condition = vectors::Except{path, ScalarsAt(fields, "except")};
  }
  constexpr size_t kBytes = vectors::Limits::kQueryTextBytes;
  if (auto text = fields.String("text", kBytes)) {
    ++kinds;
    condition = vectors::HasWords{path, std::move(*text)};
  }
  if (auto text = fields.String("text_any", kBytes)) {
    ++kinds;
    condition = AnyWord(path, *text);
  }
  if (fields.Take("phrase") != nullptr)
    fields.Refuse("phrase", "is not supported; text finds all words in any order",
                  Code::kInvalidArgument, "unsupported_parameter");
  fields.RefuseUnread();
  if (kinds != 1 && !fields.problem())
    fields.Refuse("", "takes exactly one of value, any, except, text, text_any");
  return condition;
}

template <class T>
void ReadBounds(json::Fields& fields, T& range, auto read) {
  range.gt = read("gt");
  range.gte = read("gte");
  range.lt = read("lt");
  range.lte = read("lte");
  fields.RefuseUnread();
}

std::optional<WallTime> TimeAt(json::Fields& fields, std::string_view key) {
  const auto text = fields.String(key, 64);
  if (!text) return std::nullopt;
  const auto time = vectors::ParseTime(*text);
  if (!time) fields.Refuse(key, "is not a time like 2026-11-03T10:00:00Z");
  return time;
}

Condition RangeAt(json::Fields& fields, const std::string& path) {
  bool times = false;
  for (const char* key : {"gt", "gte", "lt", "lte"}) {
    const json::Value* bound = fields.Take(key);
    times = times || (bound != nullptr && bound->AsString() != nullptr);
  }
  if (times) {
    vectors::TimeRange range{.path = path};
    ReadBounds(fields, range, [&](std::string_view key) { return TimeAt(fields, key); });
    return range;
  }
  vectors::Range range{.path = path};
  ReadBounds(fields, range, [&](std::string_view key) { return fields.Number(key, -kAny, kAny); });
  return range;
}

vectors::GeoPoint PlaceOf(json::Fields fields) {
  vectors::GeoPoint place{fields.Require().Number("lon", -180, 180).value_or(0),
                          fields.Require().Number("lat", -90, 90).value_or(0)};
  fields.RefuseUnread();
  return place;
}

vectors::GeoPoint PlaceAt(json::Fields& fields, std::string_view key) {
  auto nested = fields.Require().Nested(key);
  return nested ? PlaceOf(std::move(*nested)) : vectors::GeoPoint();
}

std::vector<vectors::GeoPoint> RingOf(json::Fields fields) {
  std::vector<vectors::GeoPoint> ring;
  const json::Array* points = fields.Require().List("points", Filter::kValuesMax);
  for (size_t i = 0; points != nullptr && i < points->size() && !fields.problem(); ++i)
    ring.push_back(
        PlaceOf(json::Fields(fields.problem(), (*points)[i], fields.PathOf("points", i))));
  fields.RefuseUnread();
  return ring;
}

Condition BoxAt(json::Fields& fields, const std::string& path) {
  vectors::Geo geo{.path = path, .shape = vectors::Geo::Shape::kBox};
  geo.a = PlaceAt(fields, "top_left");
  geo.b = PlaceAt(fields, "bottom_right");
  fields.RefuseUnread();
  return geo;
}

Condition RadiusAt(json::Fields& fields, const std::string& path) {
  vectors::Geo geo{.path = path, .shape = vectors::Geo::Shape::kRadius};
  geo.a = PlaceAt(fields, "center");
  geo.radius_m = fields.Require().Number("radius", 0, kAny).value_or(0);
  fields.RefuseUnread();
  return geo;
}

Condition PolygonAt(json::Fields& fields, const std::string& path) {
  vectors::Geo geo{.path = path, .shape = vectors::Geo::Shape::kPolygon};
  if (auto exterior = fields.Require().Nested("exterior"))
    geo.exterior = RingOf(std::move(*exterior));
  if (const json::Array* rings = fields.List("interiors", Filter::kConditionsMax)) {
    for (size_t i = 0; i < rings->size() && !fields.problem(); ++i) {
      geo.interiors.push_back(
          RingOf(json::Fields(fields.problem(), (*rings)[i], fields.PathOf("interiors", i))));
    }
  }
  fields.RefuseUnread();
  return geo;
}

Condition CountAt(json::Fields& fields, const std::string& path) {
  vectors::ValuesCount count{.path = path};
  ReadBounds(fields, count, [&](std::string_view key) { return fields.Int(key, 0, INT32_MAX); });
  return count;
}

// {"key": ..., and one of match, range, ...}
Condition FieldAt(json::Fields& fields) {
  const std::string path = KeyOf(fields);
  Condition condition = Filter();
  size_t kinds = 0;
  using Reader = Condition (*)(json::Fields&, const std::string&);
  constexpr std::pair<std::string_view, Reader> kReaders[] = {
      {"match", MatchAt},       {"range", RangeAt},         {"geo_bounding_box", BoxAt},
      {"geo_radius", RadiusAt}, {"geo_polygon", PolygonAt}, {"values_count", CountAt},
  };
  for (const auto& [key, read] : kReaders) {
    auto nested = fields.Nested(key);
    if (!nested) continue;
    ++kinds;
    condition = read(*nested, path);
  }
  const auto flag = [&](std::string_view key, Condition holds) {
    const auto wanted = fields.Bool(key);
    if (!wanted) return;
    ++kinds;
    if (*wanted) {
      condition = std::move(holds);
    } else {
      Filter none;
      none.must_not.push_back(std::move(holds));
      condition = std::move(none);
    }
  };
  flag("is_empty", vectors::IsEmpty{path});
  flag("is_null", vectors::IsNull{path});
  fields.RefuseUnread();
  if (kinds != 1 && !fields.problem()) {
    fields.Refuse("",
                  "takes exactly one of match, range, values_count, geo_bounding_box, geo_radius, "
                  "geo_polygon, is_empty, is_null beside its key");
  }
  return condition;
}

Condition IdsAt(json::Fields& fields) {
  vectors::HasId has;
  const json::Array* ids = fields.List("has_id", Filter::kValuesMax);
  for (size_t i = 0; ids != nullptr && i < ids->size() && !fields.problem(); ++i)
    has.ids.push_back(ReadKnownId(fields.problem(), (*ids)[i], fields.PathOf("has_id", i)));
  fields.RefuseUnread();
  return has;
}

Condition NestedAt(json::Fields& fields, size_t depth) {
  vectors::Nested nested;
  if (auto inner = fields.Nested("nested")) {
    nested.path = KeyOf(*inner);
    if (const json::Value* filter = inner->Require().Take("filter"))
      nested.filter = FilterAt(inner->problem(), *filter, inner->PathOf("filter"), depth + 1);
    inner->RefuseUnread();
  }
  fields.RefuseUnread();
  return nested;
}

Condition ConditionAt(json::Problem& problem, const json::Value& value, const std::string& path,
                      size_t depth) {
  const auto has = [&](std::string_view key) {
    const json::Value* found = value.Find(key);
    return found != nullptr && !found->is_null();
  };
  for (const char* key : {"key", "is_empty", "is_null", "has_id", "has_vector", "nested"}) {
    if (!has(key)) continue;
    json::Fields fields(problem, value, path);
    const std::string_view kind = key;
    if (kind == "key") return FieldAt(fields);
    if (kind == "has_id") return IdsAt(fields);
    if (kind == "nested") return NestedAt(fields, depth);
    if (kind == "has_vector") {
      vectors::HasVector vector{fields.String("has_vector", kPathBytes).value_or("")};
      fields.RefuseUnread();
      return vector;
    }
    std::string inner_path;
    if (auto inner = fields.Nested(key)) {
      inner_path = KeyOf(*inner);
      inner->RefuseUnread();
    }
    fields.RefuseUnread();
    if (kind == "is_null") return vectors::IsNull{std::move(inner_path)};
    return vectors::IsEmpty{std::move(inner_path)};
  }
  return FilterAt(problem, value, path, depth + 1);
}

// A list of conditions, or one by itself.
std::vector<Condition> ConditionsAt(json::Fields& fields, std::string_view key, size_t depth) {
  std::vector<Condition> conditions;
  const json::Value* value = fields.Take(key);
  if (value == nullptr) return conditions;
  const json::Array* list = value->AsArray();
  if (list == nullptr) {
    conditions.push_back(ConditionAt(fields.problem(), *value, fields.PathOf(key), depth));
    return conditions;
  }
  if (list->size() > Filter::kConditionsMax) {
    fields.Refuse(key, fmt::format("has {} conditions; the most is {}", list->size(),
                                   Filter::kConditionsMax));
    return conditions;
  }
  for (size_t i = 0; i < list->size() && !fields.problem(); ++i) {
    conditions.push_back(ConditionAt(fields.problem(), (*list)[i], fields.PathOf(key, i), depth));
  }
  return conditions;
}

Filter FilterAt(json::Problem& problem, const json::Value& value, const std::string& path,
                size_t depth) {
  Filter filter;
  if (depth > Filter::kDepthMax) {
    problem.Set({Code::kInvalidArgument,
                 fmt::format("{} is nested over {} levels deep", path, Filter::kDepthMax), path,
                 "filter_too_deep"});
    return filter;
  }
  json::Fields fields(problem, value, path);
  filter.must = ConditionsAt(fields, "must", depth);
  filter.should = ConditionsAt(fields, "should", depth);
  filter.must_not = ConditionsAt(fields, "must_not", depth);
  if (auto least = fields.Nested("min_should")) {
    Filter some;
    some.should = ConditionsAt(*least, "conditions", depth);
    some.should_least =
        static_cast<size_t>(least->Require()
                                .Int("min_count", 0, static_cast<int64_t>(Filter::kConditionsMax))
                                .value_or(0));
    least->RefuseUnread();
    // More than there are can never hold.
    if (some.should_least > some.should.size()) {
      some.should_least = 1;
      some.should.clear();
      some.should.push_back(vectors::HasId{});
    }
    filter.must.push_back(std::move(some));
  }
  fields.RefuseUnread();
  return filter;
}

}  // namespace

Filter ReadFilter(json::Problem& problem, const json::Value& value, const std::string& path) {
  return FilterAt(problem, value, path, 1);
}

Filter ReadFilterField(json::Fields& fields, std::string_view key) {
  const json::Value* value = fields.Take(key);
  return value == nullptr ? Filter() : ReadFilter(fields.problem(), *value, fields.PathOf(key));
}

}  // namespace weir::qdrant
