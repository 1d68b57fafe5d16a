#include "dialects/qdrant/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/overloaded.h"
#include "dialects/qdrant/filter.h"
#include "dialects/qdrant/ids.h"
#include "dialects/qdrant/shared_fields.h"
#include "dialects/qdrant/vector_values.h"

namespace weir::qdrant {
namespace {

using vectors::Limits;
using vectors::Point;

constexpr size_t kBatch = Limits::kBatchPoints;
constexpr size_t kKeysMax = 1'024;

std::vector<std::string> ReadIds(json::Fields& fields, std::string_view key) {
  std::vector<std::string> ids;
  const json::Array* list = fields.List(key, kBatch);
  for (size_t i = 0; list != nullptr && i < list->size() && !fields.problem(); ++i)
    ids.push_back(ReadKnownId(fields.problem(), (*list)[i], fields.PathOf(key, i)));
  return ids;
}

// `points` or `filter`, exactly one of them.
Where ReadWhere(json::Fields& fields) {
  Where where;
  const bool ids = fields.Take("points") != nullptr;
  const bool filter = fields.Take("filter") != nullptr;
  if (ids == filter) {
    fields.Refuse("", "takes points or filter, one of them");
    return where;
  }
  if (ids) where.ids = ReadIds(fields, "points");
  if (filter) where.filter = ReadFilterField(fields);
  RefuseShards(fields);
  return where;
}

void ReadPayload(json::Fields& fields, std::string_view key, json::Value& payload) {
  const json::Value* value = fields.Take(key);
  if (value == nullptr) return;
  if (value->AsObject() == nullptr) fields.Refuse(key, "must be an object");
  payload = *value;
}

// [{"id": 1, "vector": [...], "payload": {...}}]
std::vector<Point> ReadPoints(json::Fields& fields, bool payloads, bool known_ids) {
  std::vector<Point> points;
  const json::Array* list = fields.Require().List("points", kBatch);
  json::Problem& problem = fields.problem();
  for (size_t i = 0; list != nullptr && i < list->size() && !problem; ++i) {
    json::Fields one(problem, (*list)[i], fields.PathOf("points", i));
    Point point;
    if (const json::Value* id = one.Require().Take("id")) {
      point.id = known_ids ? ReadKnownId(problem, *id, one.PathOf("id"))
                           : ReadNewId(problem, *id, one.PathOf("id"));
    }
    if (const json::Value* vector = one.Require().Take("vector"))
      ReadVectors(problem, *vector, one.PathOf("vector"), point);
    if (payloads) ReadPayload(one, "payload", point.payload);
    one.RefuseUnread();
    points.push_back(std::move(point));
  }
  return points;
}

// {"ids": [...], "vectors": [[...]] or {"name": [[...]]}, "payloads": [...]}
std::vector<Point> ReadColumns(json::Fields batch) {
  std::vector<Point> points;
  json::Problem& problem = batch.problem();
  const json::Array* ids = batch.Require().List("ids", kBatch);
  for (size_t i = 0; ids != nullptr && i < ids->size() && !problem; ++i)
    points.push_back({.id = ReadNewId(problem, (*ids)[i], batch.PathOf("ids", i))});
  const auto column = [&](const json::Value& list, const std::string& path,
                          const std::string& space) {
    const json::Array* array = list.AsArray();
    if (array == nullptr || array->size() != points.size()) {
      problem.Set({Code::kInvalidArgument,
                   fmt::format("{} must be an array of as many vectors as there are ids, {}", path,
                               points.size()),
                   path, "invalid_value"});
      return;
    }
    for (size_t i = 0; i < array->size() && !problem; ++i) {
      ReadVectorOf(problem, (*array)[i], fmt::format("{}[{}]", path, i), space, points[i]);
    }
  };
  if (const json::Value* vectors = batch.Require().Take("vectors")) {
    if (const json::Object* named = vectors->AsObject()) {
      for (const json::Member& member : *named)
        column(member.value, batch.PathOf("vectors") + "." + member.key, member.key);
    } else {
      column(*vectors, batch.PathOf("vectors"), "");
    }
  }
  if (const json::Array* payloads = batch.List("payloads", kBatch)) {
    if (payloads->size() != points.size())
      batch.Refuse("payloads", fmt::format("must have as many elements as ids, {}", points.size()));
    for (size_t i = 0; i < payloads->size() && !problem; ++i) {
      const json::Value& payload = (*payloads)[i];
      if (!payload.is_null() && payload.AsObject() == nullptr)
        batch.Refuse(fmt::format("payloads[{}]", i), "must be an object");
      points[i].payload = payload;
    }
  }
  batch.RefuseUnread();
  return points;
}

// "a.b" to {"a", "b"}.
std::vector<std::string> Names(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const size_t dot = path.find('.');
    std::string_view name = path.substr(0, dot);
    while (name.ends_with("[]")) name.remove_suffix(2);
    names.emplace_back(name);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return names;
}

Update Upserted(json::Fields& fields) {
  Upsert upsert;
  if (auto batch = fields.Nested("batch")) {
    upsert.points = ReadColumns(std::move(*batch));
  } else {
    upsert.points = ReadPoints(fields, /*payloads=*/true, /*known_ids=*/false);
  }
  upsert.mode = fields
                    .Word<Upsert::Mode>("update_mode", {{"upsert", Upsert::Mode::kUpsert},
                                                        {"insert_only", Upsert::Mode::kInsertOnly},
                                                        {"update_only", Upsert::Mode::kUpdateOnly}})
                    .value_or(Upsert::Mode::kUpsert);
  if (fields.Take("update_filter") != nullptr)
    RefuseUnsupported(fields, "update_filter", "update_mode is, and payloads can be set by filter");
  RefuseShards(fields);
  return upsert;
}

Update PayloadSet(json::Fields& fields, bool overwrite) {
  SetPayload set{.overwrite = overwrite};
  json::Value payload;
  fields.Require();
  ReadPayload(fields, "payload", payload);
  if (const json::Object* object = payload.AsObject()) set.payload = *object;
  if (const auto key = fields.String("key", Limits::kNameBytes)) {
    set.key = Names(*key);
    for (const std::string& name : set.key) {
      if (name.empty() || name.find('[') != std::string::npos)
        fields.Refuse("key", "must be names with dots between them");
    }
  }
  set.where = ReadWhere(fields);
  return set;
}

Update PayloadDeleted(json::Fields& fields) {
  DeletePayload remove{.keys = fields.Require().Strings("keys", kKeysMax, Limits::kNameBytes)};
  remove.where = ReadWhere(fields);
  return remove;
}

Update VectorsUpdated(json::Fields& fields) {
  UpdateVectors update{ReadPoints(fields, /*payloads=*/false, /*known_ids=*/true)};
  if (fields.Take("update_filter") != nullptr)
    RefuseUnsupported(fields, "update_filter", "name the points");
  RefuseShards(fields);
  return update;
}

Update VectorsDeleted(json::Fields& fields) {
  const json::Value* names = fields.Require().Take("vector");
  DeleteVectors remove;
  if (names != nullptr)
    remove.spaces = fields.Strings("vector", Limits::kSpaces, Limits::kNameBytes);
  remove.where = ReadWhere(fields);
  return remove;
}

Result<Update> ReadWith(const json::Value& body, auto read) {
  json::Problem problem;
  json::Fields fields(problem, body);
  Update update = read(fields);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return update;
}

Update UpdateAt(json::Fields& fields) {
  std::optional<Update> update;
  size_t kinds = 0;
  const auto take = [&](std::string_view key, auto read) {
    auto nested = fields.Nested(key);
    if (!nested) return;
    ++kinds;
    update = read(*nested);
    nested->RefuseUnread();
  };
  take("upsert", Upserted);
  take("delete", [](json::Fields& f) -> Update { return Delete{ReadWhere(f)}; });
  take("set_payload", [](json::Fields& f) { return PayloadSet(f, false); });
  take("overwrite_payload", [](json::Fields& f) { return PayloadSet(f, true); });
  take("delete_payload", PayloadDeleted);
  take("clear_payload", [](json::Fields& f) -> Update { return ClearPayload{ReadWhere(f)}; });
  take("update_vectors", VectorsUpdated);
  take("delete_vectors", VectorsDeleted);
  fields.RefuseUnread();
  if (kinds != 1 && !fields.problem()) {
    fields.Refuse("",
                  "takes exactly one of upsert, delete, set_payload, overwrite_payload, "
                  "delete_payload, clear_payload, update_vectors, delete_vectors");
  }
  return std::move(update).value_or(Upsert());
}

// ---- doing it

using vectors::Collection;

Result<int64_t> EditWhere(Collection& collection, const Where& where,
                          const Collection::EditPoint& edit) {
  if (where.filter) return collection.Edit(*where.filter, edit);
  return collection.Edit(where.ids, [&](size_t index, bool there, Point& point) -> Result<bool> {
    if (!there) return false;
    return edit(index, there, point);
  });
}

void Put(json::Object& object, const json::Member& member) {
  const auto found = std::ranges::find(object, member.key, &json::Member::key);
  if (found == object.end()) {
    object.push_back(member);
  } else {
    found->value = member.value;
  }
}

// The object at the end of the names, made where there is none.
json::Object& ObjectAt(json::Value& value, std::span<const std::string> names) {
  if (value.AsObject() == nullptr) value = json::Object();
  json::Object& object = *value.AsObject();
  if (names.empty()) return object;
  auto found = std::ranges::find(object, names.front(), &json::Member::key);
  if (found == object.end()) {
    object.push_back({names.front(), json::Object()});
    found = object.end() - 1;
  }
  return ObjectAt(found->value, names.subspan(1));
}

// Elements of an array on the way each lose the field.
void RemoveAt(json::Value& value, std::span<const std::string> names) {
  if (json::Array* array = value.AsArray()) {
    for (json::Value& element : *array) RemoveAt(element, names);
    return;
  }
  json::Object* object = value.AsObject();
  if (object == nullptr || names.empty()) return;
  if (names.size() == 1) {
    std::erase_if(*object, [&](const json::Member& member) { return member.key == names[0]; });
    return;
  }
  const auto found = std::ranges::find(*object, names.front(), &json::Member::key);
  if (found != object->end()) RemoveAt(found->value, names.subspan(1));
}

// One vector where a point has several is the only one of them.
void Fit(std::span<const vectors::Space> spaces, Point& point) {
  for (const vectors::Space& space : spaces) {
    if (!space.multi) continue;
    auto one = point.vectors.extract(space.name);
    if (!one.empty()) point.multi[space.name] = {std::move(one.mapped())};
  }
}

// As the collection takes them.
std::vector<Point> Fitted(const Collection& collection, std::vector<Point> points) {
  for (Point& point : points) Fit(collection.spec().spaces, point);
  return points;
}

Result<int64_t> ApplyOne(Collection& collection, const Upsert& upsert) {
  const std::vector<Point> points = Fitted(collection, upsert.points);
  if (upsert.mode == Upsert::Mode::kUpsert) {
    auto done = collection.Upsert(points);
    if (!done) return Fail(std::move(done.error()));
    return static_cast<int64_t>(points.size());
  }
  std::vector<std::string> ids;
  for (const Point& point : points) ids.push_back(point.id);
  return collection.Edit(ids, [&](size_t index, bool there, Point& point) -> Result<bool> {
    if (there != (upsert.mode == Upsert::Mode::kUpdateOnly)) return false;
    point = points[index];
    return true;
  });
}

Result<int64_t> ApplyOne(Collection& collection, const Delete& remove) {
  return remove.where.filter ? collection.Delete(*remove.where.filter)
                             : collection.Delete(remove.where.ids);
}

Result<int64_t> ApplyOne(Collection& collection, const SetPayload& set) {
  return EditWhere(collection, set.where, [&](size_t, bool, Point& point) -> Result<bool> {
    json::Object& object = ObjectAt(point.payload, set.key);
    if (set.overwrite) object.clear();
    for (const json::Member& member : set.payload) Put(object, member);
    return true;
  });
}

Result<int64_t> ApplyOne(Collection& collection, const DeletePayload& remove) {
  return EditWhere(collection, remove.where, [&](size_t, bool, Point& point) -> Result<bool> {
    for (const std::string& key : remove.keys) RemoveAt(point.payload, Names(key));
    return true;
  });
}

Result<int64_t> ApplyOne(Collection& collection, const ClearPayload& clear) {
  return EditWhere(collection, clear.where, [](size_t, bool, Point& point) -> Result<bool> {
    point.payload = {};
    return true;
  });
}

Result<int64_t> ApplyOne(Collection& collection, const UpdateVectors& update) {
  const std::vector<Point> points = Fitted(collection, update.points);
  std::vector<std::string> ids;
  for (const Point& point : points) ids.push_back(point.id);
  return collection.Edit(ids, [&](size_t index, bool there, Point& point) -> Result<bool> {
    if (!there) {
      return Fail(Code::kNotFound, fmt::format("points[{}]: there is no point with this id", index),
                  fmt::format("points[{}].id", index), "point_not_found");
    }
    for (const auto& [space, vector] : points[index].vectors) point.vectors[space] = vector;
    for (const auto& [space, vector] : points[index].sparse) point.sparse[space] = vector;
    for (const auto& [space, vectors] : points[index].multi) point.multi[space] = vectors;
    return true;
  });
}

Result<int64_t> ApplyOne(Collection& collection, const DeleteVectors& remove) {
  for (const std::string& space : remove.spaces) {
    const auto& spaces = collection.spec().spaces;
    if (std::ranges::find(spaces, space, &vectors::Space::name) == spaces.end()) {
      return Fail(Code::kInvalidArgument, fmt::format("the collection has no vector '{}'", space),
                  "vector", "unknown_space");
    }
  }
  return EditWhere(collection, remove.where, [&](size_t, bool, Point& point) -> Result<bool> {
    size_t erased = 0;
    for (const std::string& space : remove.spaces)
      erased += point.vectors.erase(space) + point.sparse.erase(space) + point.multi.erase(space);
    return erased > 0;
  });
}

}  // namespace

Result<Update> ReadUpsert(const json::Value& body) { return ReadWith(body, Upserted); }
Result<Update> ReadDelete(const json::Value& body) {
  return ReadWith(body, [](json::Fields& fields) -> Update { return Delete{ReadWhere(fields)}; });
}
Result<Update> ReadSetPayload(const json::Value& body, bool overwrite) {
  return ReadWith(body, [&](json::Fields& fields) { return PayloadSet(fields, overwrite); });
}
Result<Update> ReadDeletePayload(const json::Value& body) { return ReadWith(body, PayloadDeleted); }
Result<Update> ReadClearPayload(const json::Value& body) {
  return ReadWith(body,
                  [](json::Fields& fields) -> Update { return ClearPayload{ReadWhere(fields)}; });
}
Result<Update> ReadUpdateVectors(const json::Value& body) { return ReadWith(body, VectorsUpdated); }
Result<Update> ReadDeleteVectors(const json::Value& body) { return ReadWith(body, VectorsDeleted); }

Result<std::vector<Update>> ReadUpdates(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  std::vector<Update> updates;
  const json::Array* operations = fields.Require().List("operations", kOperationsMax);
  for (size_t i = 0; operations != nullptr && i < operations->size() && !problem; ++i) {
    json::Fields one(problem, (*operations)[i], fields.PathOf("operations", i));
    updates.push_back(UpdateAt(one));
  }
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return updates;
}

Result<int64_t> Apply(Collection& collection, const Update& update) {
  return std::visit([&](const auto& one) { return ApplyOne(collection, one); }, update);
}

}  // namespace weir::qdrant
