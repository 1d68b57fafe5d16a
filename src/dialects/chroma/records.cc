#include "dialects/chroma/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "dialects/chroma/where.h"
#include "json/fields.h"

namespace weir::chroma {
namespace {

using vectors::Collection;
using vectors::Limits;
using vectors::Point;

// No client's metadata has fields with these names: they are Chroma's own.
constexpr std::string_view kUri = "chroma:uri";
// A document that is there and empty, which a point's text cannot tell.
constexpr std::string_view kEmptyDocument = "chroma:empty_document";

bool IsOwn(std::string_view key) { return key == kUri || key == kEmptyDocument; }

std::vector<float> VectorOf(json::Problem& problem, const json::Value& value,
                            const std::string& path) {
  std::vector<float> vector;
  const auto refuse = [&](std::string_view what, std::string reason) {
    problem.Set(
        {Code::kInvalidArgument, fmt::format("{} {}", path, what), path, std::move(reason)});
    return std::vector<float>();
  };
  const json::Array* array = value.AsArray();
  if (array == nullptr) {
    return refuse(value.AsString() != nullptr
                      ? "is not supported as base64; send numbers, as pre-flight-checks says"
                      : "must be an array of numbers",
                  "invalid_type");
  }
  if (array->empty() || array->size() > Limits::kDimensions) {
    return refuse(
        fmt::format("has {} dimensions; it takes 1 to {}", array->size(), Limits::kDimensions),
        "wrong_dimensions");
  }
  vector.reserve(array->size());
  for (const json::Value& component : *array) {
    double number = 0;
    if (const double* d = component.AsDouble()) {
      number = *d;
    } else if (const int64_t* i = component.AsInt()) {
      number = static_cast<double>(*i);
    } else {
      return refuse("must hold finite numbers", "invalid_component");
    }
    if (std::fabs(number) > std::numeric_limits<float>::max())
      return refuse("holds a number beyond the range of float32", "invalid_component");
    vector.push_back(static_cast<float>(number));
  }
  return vector;
}

// The column `key`, as long as there are ids; null where it is absent.
const json::Array* ColumnOf(json::Fields& fields, std::string_view key, size_t count) {
  const json::Array* column = fields.List(key, Limits::kBatchPoints);
  if (column == nullptr || column->size() == count) return column;
  fields.Refuse(key, fmt::format("has {} elements, but there are {} ids", column->size(), count));
  return nullptr;
}

std::vector<std::string> IdsOf(json::Fields& fields) {
  std::vector<std::string> ids = fields.Strings("ids", Limits::kBatchPoints, Limits::kIdBytes);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!ids[i].empty()) continue;
    fields.Refuse(fmt::format("ids[{}]", i), "is empty", Code::kInvalidArgument, "invalid_id");
  }
  return ids;
}

void ReadMetadata(json::Fields& fields, size_t index, const json::Value& value, Record& record) {
  if (value.is_null()) return;
  const std::string at = fmt::format("metadatas[{}]", index);
  const json::Object* object = value.AsObject();
  if (object == nullptr) return fields.Refuse(at, "must be an object");
  const auto is_plain = [](const json::Value& v) {
    return v.AsObject() == nullptr && v.AsArray() == nullptr;
  };
  for (const json::Member& member : *object) {
    if (IsOwn(member.key) || member.key.starts_with("chroma:"))
      return fields.Refuse(at, "has a key that begins with chroma:, which is reserved");
    const json::Array* array = member.value.AsArray();
    const bool plain =
        array != nullptr ? std::ranges::all_of(*array, is_plain) : is_plain(member.value);
    if (!plain) return fields.Refuse(at, "must hold strings, numbers, booleans and arrays of them");
  }
  record.metadata = *object;
}

std::optional<std::string> TextOf(json::Fields& fields, std::string_view key, size_t index,
                                  const json::Value& value) {
  if (value.is_null()) return std::nullopt;
  if (const std::string* text = value.AsString()) return *text;
  fields.Refuse(fmt::format("{}[{}]", key, index), "must be a string or null");
  return std::nullopt;
}

void ReadColumns(json::Fields& fields, std::vector<Record>& records) {
  const size_t count = records.size();
  json::Problem& problem = fields.problem();
  if (const json::Array* metadatas = ColumnOf(fields, "metadatas", count)) {
    for (size_t i = 0; i < count && !problem; ++i)
      ReadMetadata(fields, i, (*metadatas)[i], records[i]);
  }
  if (const json::Array* documents = ColumnOf(fields, "documents", count)) {
    for (size_t i = 0; i < count && !problem; ++i)
      records[i].document = TextOf(fields, "documents", i, (*documents)[i]);
  }
  if (const json::Array* uris = ColumnOf(fields, "uris", count)) {
    for (size_t i = 0; i < count && !problem; ++i)
      records[i].uri = TextOf(fields, "uris", i, (*uris)[i]);
  }
}

Include ReadInclude(json::Fields& fields, Include by_default) {
  if (fields.Take("include") == nullptr) return by_default;
  Include include;
  for (const std::string& word : fields.Strings("include", 16, 32)) {
    if (word == "documents") {
      include.documents = true;
    } else if (word == "metadatas") {
      include.metadatas = true;
    } else if (word == "embeddings") {
      include.embeddings = true;
    } else if (word == "uris") {
      include.uris = true;
    } else if (word == "distances") {
      include.distances = true;
    } else {
      fields.Refuse("include",
                    "takes documents, metadatas, embeddings, uris and distances, nothing else");
    }
  }
  return include;
}

void Put(json::Object& object, std::string_view key, json::Value value) {
  std::erase_if(object, [&](const json::Member& member) { return member.key == key; });
  if (!value.is_null()) object.push_back({std::string(key), std::move(value)});
}

void Merge(const Record& record, const std::string& space, Point& point) {
  if (point.payload.AsObject() == nullptr) point.payload = json::Object();
  json::Object& payload = *point.payload.AsObject();
  for (const json::Member& member : record.metadata) Put(payload, member.key, member.value);
  if (record.uri) Put(payload, kUri, *record.uri);
  if (record.document) {
    point.text = *record.document;
    Put(payload, kEmptyDocument, point.text.empty() ? json::Value(true) : json::Value());
  }
  if (record.embedding) point.vectors[space] = *record.embedding;
}

std::string SpaceOf(const Collection& collection) {
  const auto& spaces = collection.spec().spaces;
  return spaces.empty() ? "" : spaces.front().name;
}

vectors::Filter WithIds(vectors::Filter filter, std::optional<std::vector<std::string>> ids) {
  if (ids) filter.must.push_back(vectors::HasId{std::move(*ids)});
  return filter;
}

// Ids of all that match, from `offset` on and at most `limit`.
Result<std::vector<Point>> ScrollAll(const Collection& collection, const vectors::Filter& filter,
                                     size_t offset, size_t limit, vectors::Parts parts) {
  // Each page asks the filter of every point anew, so few of them.
  constexpr size_t kPage = Limits::kResults;
  std::vector<Point> points;
  vectors::ScrollQuery query{.filter = filter};
  while (points.size() < limit) {
    // What is skipped is only walked over.
    query.parts = offset > 0 ? vectors::Parts() : parts;
    query.limit = offset > 0 ? std::min(offset, kPage) : std::min(limit - points.size(), kPage);
    auto page = collection.Scroll(query);
    if (!page) return Fail(std::move(page.error()));
    if (offset > 0) {
      offset -= page->points.size();
    } else {
      for (Point& point : page->points) points.push_back(std::move(point));
    }
    if (!page->next) break;
    query.after = *page->next;
  }
  return points;
}

// ---- what answers look like

json::Value MetadataOf(const Point& point) {
  json::Object metadata;
  const json::Object* payload = point.payload.AsObject();
  for (const json::Member& member : payload != nullptr ? *payload : json::Object()) {
    if (!IsOwn(member.key)) metadata.push_back(member);
  }
  if (metadata.empty()) return {};
  return metadata;
}

void AppendDocument(json::Writer& writer, const Point& point) {
  if (point.text.empty() && point.payload.Find(kEmptyDocument) == nullptr) {
    writer.Null();
  } else {
    writer.String(point.text);
  }
}

void AppendUri(json::Writer& writer, const Point& point) {
  const json::Value* uri = point.payload.Find(kUri);
  writer.Tree(uri != nullptr ? *uri : json::Value());
}

void AppendEmbedding(json::Writer& writer, const Point& point) {
  if (point.vectors.empty()) {
    writer.Null();
    return;
  }
  writer.BeginArray();
  for (const float x : point.vectors.begin()->second) writer.Float(x);
  writer.EndArray();
}

void AppendInclude(json::Writer& writer, const Include& include) {
  writer.Key("include").BeginArray();
  if (include.distances) writer.String("distances");
  if (include.documents) writer.String("documents");
  if (include.embeddings) writer.String("embeddings");
  if (include.metadatas) writer.String("metadatas");
  if (include.uris) writer.String("uris");
  writer.EndArray();
}

// The columns of an answer; `each` visits the points of one row.
template <class Rows>
void AppendColumns(json::Writer& writer, const Include& include, const Rows& rows) {
  writer.Key("ids");
  rows([&](const Point& point) { writer.String(point.id); });
  const auto column = [&](std::string_view key, bool wanted, auto append) {
    writer.Key(key);
    if (!wanted) {
      writer.Null();
      return;
    }
    rows([&](const Point& point) { append(writer, point); });
  };
  column("documents", include.documents, AppendDocument);
  column("embeddings", include.embeddings, AppendEmbedding);
  column("metadatas", include.metadatas,
         [](json::Writer& out, const Point& point) { out.Tree(MetadataOf(point)); });
  column("uris", include.uris, AppendUri);
}

}  // namespace

Result<std::vector<Record>> ReadRecords(const json::Value& body, WriteKind kind) {
  json::Problem problem;
  json::Fields fields(problem, body);
  fields.Require().Take("ids");
  std::vector<Record> records;
  std::unordered_set<std::string> seen;
  for (std::string& id : IdsOf(fields)) {
    if (!seen.insert(id).second)
      problem.Set({Code::kInvalidArgument, "ids holds one id twice", "ids", "duplicate_id"});
    records.push_back({.id = std::move(id)});
  }
  if (records.empty()) fields.Refuse("ids", "is empty");
  const json::Array* embeddings = ColumnOf(fields, "embeddings", records.size());
  for (size_t i = 0; embeddings != nullptr && i < records.size() && !problem; ++i) {
    if ((*embeddings)[i].is_null()) continue;
    records[i].embedding = VectorOf(problem, (*embeddings)[i], fields.PathOf("embeddings", i));
  }
  if (kind != WriteKind::kUpdate) {
    for (size_t i = 0; i < records.size() && !problem; ++i) {
      if (!records[i].embedding)
        fields.Refuse(fmt::format("embeddings[{}]", i),
                      "is required: this server computes none "
                      "here",
                      Code::kInvalidArgument, "missing_required_parameter");
    }
  }
  ReadColumns(fields, records);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return records;
}

std::optional<uint32_t> DimensionsOf(const std::vector<Record>& records) {
  for (const Record& record : records) {
    if (record.embedding) return static_cast<uint32_t>(record.embedding->size());
  }
  return std::nullopt;
}

Result<int64_t> Write(Collection& collection, const std::vector<Record>& records, WriteKind kind) {
  const std::string space = SpaceOf(collection);
  std::vector<std::string> ids;
  for (const Record& record : records) ids.push_back(record.id);
  return collection.Edit(ids, [&](size_t index, bool there, Point& point) -> Result<bool> {
    if (kind == WriteKind::kAdd && there) return false;
    if (kind == WriteKind::kUpdate && !there) return false;
    Merge(records[index], space, point);
    return true;
  });
}

Result<GetAsk> ReadGet(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  GetAsk ask;
  if (fields.Take("ids") != nullptr) ask.ids = IdsOf(fields);
  ask.filter = ReadWhere(fields);
  if (const auto limit = fields.Int("limit", 0, INT32_MAX)) ask.limit = static_cast<size_t>(*limit);
  ask.offset = static_cast<size_t>(fields.Int("offset", 0, INT32_MAX).value_or(0));
  ask.include = ReadInclude(fields, {.documents = true, .metadatas = true});
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return ask;
}

Result<GetAsk> ReadDelete(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  GetAsk ask;
  if (fields.Take("ids") != nullptr) ask.ids = IdsOf(fields);
  ask.filter = ReadWhere(fields);
  if (const auto limit = fields.Int("limit", 0, INT32_MAX)) ask.limit = static_cast<size_t>(*limit);
  if (!ask.ids && ask.filter.empty())
    fields.Refuse("", "takes ids, where or where_document: it says what to delete");
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return ask;
}

Result<QueryAsk> ReadQuery(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  QueryAsk ask;
  const json::Array* embeddings = fields.Require().List("query_embeddings", kQueriesMax);
  for (size_t i = 0; embeddings != nullptr && i < embeddings->size() && !problem; ++i) {
    ask.embeddings.push_back(
        VectorOf(problem, (*embeddings)[i], fields.PathOf("query_embeddings", i)));
  }
  if (embeddings != nullptr && embeddings->empty()) fields.Refuse("query_embeddings", "is empty");
  ask.results = static_cast<size_t>(
      fields.Int("n_results", 1, static_cast<int64_t>(Limits::kResults)).value_or(10));
  std::optional<std::vector<std::string>> ids;
  if (fields.Take("ids") != nullptr) ids = IdsOf(fields);
  ask.filter = WithIds(ReadWhere(fields), std::move(ids));
  ask.include = ReadInclude(fields, {.documents = true, .metadatas = true, .distances = true});
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return ask;
}

Result<std::vector<Point>> Get(const Collection& collection, const GetAsk& ask) {
  const vectors::Parts parts = ask.include.parts();
  if (ask.limit == size_t{0}) return std::vector<Point>();
  // Ids alone: in their own order.
  if (ask.ids && ask.filter.empty() && !ask.limit && ask.offset == 0) {
    std::vector<std::string> ids;
    std::unordered_set<std::string_view> seen;
    for (const std::string& id : *ask.ids) {
      if (seen.insert(id).second) ids.push_back(id);
    }
    return collection.Get(ids, parts);
  }
  const vectors::Filter filter = WithIds(ask.filter, ask.ids);
  const size_t limit = std::min(ask.limit.value_or(kGetMax), kGetMax);
  auto points = ScrollAll(collection, filter, ask.offset, limit + (ask.limit ? 0 : 1), parts);
  if (points && !ask.limit && points->size() > kGetMax) {
    return Fail(Code::kTooLarge,
                fmt::format("over {} records match; ask for pages with limit and offset", kGetMax),
                "limit", "too_many_records");
  }
  return points;
}

Result<int64_t> Delete(Collection& collection, const GetAsk& ask) {
  if (!ask.limit) {
    if (ask.ids && ask.filter.empty()) return collection.Delete(*ask.ids);
    return collection.Delete(WithIds(ask.filter, ask.ids));
  }
  if (*ask.limit == 0) return 0;
  auto points = ScrollAll(collection, WithIds(ask.filter, ask.ids), 0,
                          std::min(*ask.limit, Limits::kBatchPoints), {});
  if (!points) return Fail(std::move(points.error()));
  std::vector<std::string> ids;
  for (const Point& point : *points) ids.push_back(point.id);
  return collection.Delete(ids);
}

Result<std::vector<std::vector<vectors::Hit>>> Query(const Collection& collection,
                                                     const QueryAsk& ask) {
  std::vector<std::vector<vectors::Hit>> all;
  // Nothing was added yet.
  if (collection.spec().spaces.empty())
    return std::vector<std::vector<vectors::Hit>>(ask.embeddings.size());
  for (const std::vector<float>& embedding : ask.embeddings) {
    auto hits = collection.Query({.space = SpaceOf(collection),
                                  .vector = embedding,
                                  .k = ask.results,
                                  .filter = ask.filter,
                                  .parts = ask.include.parts()});
    if (!hits) return Fail(std::move(hits.error()));
    all.push_back(std::move(*hits));
  }
  return all;
}

std::string RenderGet(const std::vector<Point>& points, const Include& include) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject();
  AppendColumns(writer, include, [&](const auto& append) {
    writer.BeginArray();
    for (const Point& point : points) append(point);
    writer.EndArray();
  });
  AppendInclude(writer, include);
  writer.EndObject();
  return out;
}

std::string RenderQuery(const std::vector<std::vector<vectors::Hit>>& hits, vectors::Metric metric,
                        const Include& include) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject();
  AppendColumns(writer, include, [&](const auto& append) {
    writer.BeginArray();
    for (const auto& row : hits) {
      writer.BeginArray();
      for (const vectors::Hit& hit : row) append(hit.point);
      writer.EndArray();
    }
    writer.EndArray();
  });
  writer.Key("distances");
  if (include.distances) {
    writer.BeginArray();
    for (const auto& row : hits) {
      writer.BeginArray();
      for (const vectors::Hit& hit : row)
        writer.Float(metric == vectors::Metric::kL2 ? hit.score * hit.score : 1 - hit.score);
      writer.EndArray();
    }
    writer.EndArray();
  } else {
    writer.Null();
  }
  AppendInclude(writer, include);
  writer.EndObject();
  return out;
}

}  // namespace weir::chroma
