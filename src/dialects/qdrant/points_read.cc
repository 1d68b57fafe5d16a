// The half of points.h that reads and shows.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "dialects/qdrant/filter.h"
#include "dialects/qdrant/ids.h"
#include "dialects/qdrant/points.h"
#include "dialects/qdrant/shared_fields.h"
#include "vectors/filter_match.h"

namespace weir::qdrant {
namespace {

using vectors::Limits;

constexpr size_t kPathsMax = 1'024;
constexpr size_t kLimitDefault = 10;
constexpr size_t kLimitMax = Limits::kResults - 1;  // one more is asked for
constexpr double kAny = std::numeric_limits<double>::max();

void ReadPayloadShown(json::Fields& fields, Shown& shown) {
  const json::Value* value = fields.Take("with_payload");
  if (value == nullptr) return;
  if (value->AsArray() != nullptr) {
    shown.include = fields.Strings("with_payload", kPathsMax, Limits::kNameBytes);
    shown.payload = !shown.include.empty();
    return;
  }
  if (value->AsObject() != nullptr) {
    json::Fields selector(fields.problem(), *value, fields.PathOf("with_payload"));
    const bool includes = selector.Take("include") != nullptr;
    shown.include = selector.Strings("include", kPathsMax, Limits::kNameBytes);
    shown.exclude = selector.Strings("exclude", kPathsMax, Limits::kNameBytes);
    shown.payload = !includes || !shown.include.empty();
    selector.RefuseUnread();
    return;
  }
  shown.payload = fields.Bool("with_payload").value_or(false);
}

void ReadVectorsShown(json::Fields& fields, Shown& shown) {
  for (const char* key : {"with_vector", "with_vectors"}) {
    const json::Value* value = fields.Take(key);
    if (value == nullptr) continue;
    if (value->AsArray() != nullptr) {
      shown.spaces = fields.Strings(key, Limits::kSpaces, Limits::kNameBytes);
      shown.vectors = !shown.spaces.empty();
    } else {
      shown.vectors = fields.Bool(key).value_or(false);
    }
  }
}

// Whether `path` is `selector` or lies below it ("a.b" below "a"), or above it.
bool LiesBelow(std::string_view path, std::string_view selector) {
  return path == selector || (path.starts_with(selector) && path.size() > selector.size() &&
                              path[selector.size()] == '.');
}

std::string WithoutBrackets(std::string_view path) {
  std::string plain(path);
  for (size_t at; (at = plain.find("[]")) != std::string::npos;) plain.erase(at, 2);
  return plain;
}

bool Covers(const std::vector<std::string>& selectors, std::string_view path) {
  return std::ranges::any_of(
      selectors, [&](const auto& selector) { return LiesBelow(path, WithoutBrackets(selector)); });
}

bool LeadsTo(const std::vector<std::string>& selectors, std::string_view path) {
  return std::ranges::any_of(
      selectors, [&](const auto& selector) { return LiesBelow(WithoutBrackets(selector), path); });
}

// What of a value is shown; nothing where nothing is.
std::optional<json::Value> Chosen(const json::Value& value, const std::string& path,
                                  const Shown& shown) {
  if (Covers(shown.exclude, path)) return std::nullopt;
  const bool whole = shown.include.empty() || Covers(shown.include, path);
  if (whole && !LeadsTo(shown.exclude, path)) return value;
  if (!whole && !LeadsTo(shown.include, path)) return std::nullopt;
  if (const json::Array* array = value.AsArray()) {
    json::Array out;
    for (const json::Value& element : *array) {
      if (element.AsObject() == nullptr && element.AsArray() == nullptr) {
        if (whole) out.push_back(element);
        continue;
      }
      if (auto chosen = Chosen(element, path, shown)) out.push_back(std::move(*chosen));
    }
    return out;
  }
  const json::Object* object = value.AsObject();
  if (object == nullptr) return whole ? std::optional(value) : std::nullopt;
  json::Object out;
  for (const json::Member& member : *object) {
    auto chosen = Chosen(member.value, path.empty() ? member.key : path + "." + member.key, shown);
    if (chosen) out.push_back({member.key, std::move(*chosen)});
  }
  return out;
}

json::Value ChosenPayload(const json::Value& payload, const Shown& shown) {
  json::Object out;
  const json::Object* object = payload.AsObject();
  for (const json::Member& member : object != nullptr ? *object : json::Object()) {
    if (auto chosen = Chosen(member.value, member.key, shown))
      out.push_back({member.key, std::move(*chosen)});
  }
  return out;
}

void AppendVector(json::Writer& writer, const std::vector<float>& vector) {
  writer.BeginArray();
  for (const float x : vector) writer.Float(x);
  writer.EndArray();
}

void AppendMulti(json::Writer& writer, const vectors::MultiVector& several) {
  writer.BeginArray();
  for (const std::vector<float>& vector : several) AppendVector(writer, vector);
  writer.EndArray();
}

// The only vector of a collection whose vector has no name; false where the point has none.
bool AppendUnnamed(json::Writer& writer, const vectors::Point& point) {
  if (!point.sparse.empty()) return false;
  const auto one = point.vectors.find("");
  if (one != point.vectors.end()) AppendVector(writer, one->second);
  const auto several = point.multi.find("");
  if (several != point.multi.end()) AppendMulti(writer, several->second);
  return one != point.vectors.end() || several != point.multi.end();
}

}  // namespace

Shown ReadShown(json::Fields& fields, bool payload_by_default) {
  Shown shown{.payload = payload_by_default};
  ReadPayloadShown(fields, shown);
  ReadVectorsShown(fields, shown);
  return shown;
}

void AppendPoint(json::Writer& writer, const vectors::Point& point, const Shown& shown) {
  writer.Key("id");
  AppendId(writer, point.id);
  if (shown.payload) {
    writer.Key("payload").Tree(ChosenPayload(point.payload, shown));
  } else {
    writer.Key("payload").Null();
  }
  if (!shown.vectors) return;
  writer.Key("vector");
  const auto is_shown = [&](const std::string& name) {
    return shown.spaces.empty() || std::ranges::find(shown.spaces, name) != shown.spaces.end();
  };
  if (AppendUnnamed(writer, point)) return;
  writer.BeginObject();
  for (const auto& [name, vector] : point.vectors) {
    if (!is_shown(name)) continue;
    writer.Key(name);
    AppendVector(writer, vector);
  }
  for (const auto& [name, several] : point.multi) {
    if (!is_shown(name)) continue;
    writer.Key(name);
    AppendMulti(writer, several);
  }
  for (const auto& [name, vector] : point.sparse) {
    if (!is_shown(name)) continue;
    writer.Key(name).BeginObject().Key("indices").BeginArray();
    for (const uint32_t index : vector.indices) writer.Int(index);
    writer.EndArray().Key("values");
    AppendVector(writer, vector.values);
    writer.EndObject();
  }
  writer.EndObject();
}

Result<Retrieve> ReadRetrieve(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  Retrieve retrieve;
  const json::Array* ids = fields.Require().List("ids", Limits::kBatchPoints);
  for (size_t i = 0; ids != nullptr && i < ids->size() && !problem; ++i)
    retrieve.ids.push_back(ReadKnownId(problem, (*ids)[i], fields.PathOf("ids", i)));
  retrieve.shown = ReadShown(fields, /*payload_by_default=*/true);
  RefuseShards(fields);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return retrieve;
}

OrderBy ReadOrderBy(json::Problem& problem, const json::Value& value, const std::string& path) {
  OrderBy order;
  if (const std::string* name = value.AsString()) {
    order.field = *name;
    return order;
  }
  json::Fields fields(problem, value, path);
  order.field = fields.Require().String("key", Limits::kNameBytes).value_or("");
  order.descending =
      fields.Word<bool>("direction", {{"asc", false}, {"desc", true}}).value_or(false);
  if (const json::Value* start = fields.Take("start_from"); start != nullptr) {
    if (const std::string* text = start->AsString()) {
      order.from_time = vectors::ParseTime(*text);
      if (!order.from_time) fields.Refuse("start_from", "is not a time like 2026-11-03T10:00:00Z");
    } else {
      order.from = fields.Number("start_from", -kAny, kAny);
    }
  }
  fields.RefuseUnread();
  return order;
}

Result<Scroll> ReadScroll(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  Scroll scroll;
  if (const json::Value* offset = fields.Take("offset"))
    scroll.query.from = ReadKnownId(problem, *offset, "offset");
  scroll.query.limit = static_cast<size_t>(
      fields.Int("limit", 1, static_cast<int64_t>(kLimitMax)).value_or(kLimitDefault));
  scroll.query.filter = ReadFilterField(fields);
  scroll.shown = ReadShown(fields, /*payload_by_default=*/true);
  scroll.query.parts = scroll.shown.parts();
  if (const json::Value* order = fields.Take("order_by")) {
    scroll.order = ReadOrderBy(problem, *order, "order_by");
    if (!scroll.query.from.empty())
      fields.Refuse("offset", "does not go with order_by; use its start_from");
  }
  RefuseShards(fields);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return scroll;
}

Result<vectors::Filter> ReadCount(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  vectors::Filter filter = ReadFilterField(fields);
  fields.Bool("exact");  // counts always are
  RefuseShards(fields);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return filter;
}

Result<vectors::FacetQuery> ReadFacet(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  vectors::FacetQuery query;
  query.path = fields.Require().String("key", Limits::kNameBytes).value_or("");
  query.limit = static_cast<size_t>(
      fields.Int("limit", 1, static_cast<int64_t>(Limits::kResults)).value_or(kLimitDefault));
  query.filter = ReadFilterField(fields);
  fields.Bool("exact");
  RefuseShards(fields);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return query;
}

}  // namespace weir::qdrant
