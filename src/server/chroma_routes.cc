#include "server/chroma_routes.h"

#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <utility>

#include "dialects/chroma/answer.h"
#include "dialects/chroma/collection.h"
#include "dialects/chroma/records.h"
#include "http/message.h"
#include "json/fields.h"
#include "json/writer.h"
#include "server/vector_calls.h"

namespace weir::server {
namespace {

using Answer = Result<VectorReply>;

constexpr std::string_view kDefaultTenant = "default_tenant";
constexpr std::string_view kDefaultDatabase = "default_database";
constexpr std::string_view kDatabaseNote = "database/";  // a note's key, before a full name
constexpr size_t kDatabasesMax = 1'000;                  // of one tenant

std::unexpected<Error> Nowhere() {
  return Fail(Code::kNotFound, "there is nothing at this path", {}, "unknown_route");
}
Error NoTenant(std::string_view name) {
  return {Code::kNotFound, fmt::format("there is no tenant '{}'", name), "tenant",
          "tenant_not_found"};
}
Error NoDatabase(std::string_view name) {
  return {Code::kNotFound, fmt::format("there is no database '{}'", name), "database",
          "database_not_found"};
}

Answer Ok(std::string body) { return VectorReply{.body = std::move(body)}; }
Answer Nothing() { return Ok("{}"); }

// A request on its way: the shelf of its database, and what both were called.
struct Place {
  Shelf shelf;
  std::string tenant;
  std::string database;
};

std::string NoteOf(const std::string& tenant, std::string_view database) {
  return std::string(kDatabaseNote) + vectors::Prefix(tenant, database);
}

bool HasDatabase(const Shelf& shelf, std::string_view database) {
  if (database == kDefaultDatabase) return true;
  const std::string key = NoteOf(shelf.tenant, database);
  for (const vectors::Note& note : shelf.store.Notes(key)) {
    if (note.key == key) return true;
  }
  return false;
}

std::string DatabaseJson(const Place& place) {
  std::string out;
  json::Writer(&out)
      .BeginObject()
      .Field("id", chroma::UuidOfText(vectors::Prefix(place.shelf.tenant, place.database)))
      .Field("name", place.database)
      .Field("tenant", place.tenant)
      .EndObject();
  return out;
}

// ---- pages of lists

struct PageAsk {
  size_t limit = SIZE_MAX;
  size_t offset = 0;
};

Result<PageAsk> PageOf(const std::string& query) {
  PageAsk page;
  for (const auto& [name, value] : {std::pair<const char*, size_t*>{"limit", &page.limit},
                                    std::pair<const char*, size_t*>{"offset", &page.offset}}) {
    const auto text = http::QueryValue(query, name);
    if (!text) continue;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *value);
    if (error != std::errc() || end != text->data() + text->size())
      return Fail(Code::kInvalidArgument, fmt::format("{} takes a whole number from 0 on", name),
                  name);
  }
  return page;
}

template <class T>
std::vector<T> Cut(std::vector<T> all, const PageAsk& page) {
  const size_t first = std::min(page.offset, all.size());
  const size_t count = std::min(page.limit, all.size() - first);
  return {std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(first)),
          std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(first + count))};
}

// ---- databases

Answer ListDatabases(const Place& place, const VectorRequest& request) {
  const auto page = PageOf(request.query);
  if (!page) return Fail(page.error());
  std::vector<std::string> names{std::string(kDefaultDatabase)};
  const std::string prefix = std::string(kDatabaseNote) + vectors::Prefix(place.shelf.tenant);
  for (const vectors::Note& note : place.shelf.store.Notes(prefix)) {
    if (auto name = vectors::Split(note.key.substr(kDatabaseNote.size())))
      names.push_back(std::move(name->database));
  }
  std::string out;
  json::Writer writer(&out);
  writer.BeginArray();
  for (std::string& name : Cut(std::move(names), *page))
    writer.Raw(DatabaseJson({place.shelf, place.tenant, std::move(name)}));
  writer.EndArray();
  return Ok(std::move(out));
}

Result<std::string> NameIn(const VectorRequest& request) {
  const auto body = request.Json();
  if (!body) return Fail(body.error());
  return chroma::ReadName(*body);
}

Answer CreateDatabase(const Place& place, const VectorRequest& request) {
  const auto name = NameIn(request);
  if (!name) return Fail(name.error());
  if (auto ok = chroma::CheckName(*name, "database"); !ok) return Fail(std::move(ok.error()));
  // The default one is kept under another name.
  if (HasDatabase(place.shelf, *name) || *name == vectors::FullName::kDatabase) {
    return Fail(Code::kConflict, fmt::format("there is a database '{}' already", *name), "name",
                "database_exists");
  }
  const std::string prefix = std::string(kDatabaseNote) + vectors::Prefix(place.shelf.tenant);
  if (place.shelf.store.Notes(prefix).size() >= kDatabasesMax) {
    return Fail(Code::kUnprocessable,
                fmt::format("a tenant has at most {} databases", kDatabasesMax), "name",
                "too_many_databases");
  }
  auto put = place.shelf.store.PutNote({NoteOf(place.shelf.tenant, *name), ""});
  if (!put) return Fail(std::move(put.error()));
  return Nothing();
}

// Its collections go with it.
Answer DeleteDatabase(const Place& place) {
  if (place.database == kDefaultDatabase) {
    return Fail(Code::kInvalidArgument, "the default database stays", "database",
                "default_database");
  }
  const auto specs = place.shelf.List();
  if (!specs) return Fail(specs.error());
  for (const auto& spec : *specs) {
    auto dropped = place.shelf.Drop(spec.name);
    if (!dropped && dropped.error().code != Code::kNotFound)
      return Fail(std::move(dropped.error()));
  }
  auto removed = place.shelf.store.RemoveNote(NoteOf(place.shelf.tenant, place.database));
  if (!removed) return Fail(std::move(removed.error()));
  return Nothing();
}

// ---- collections

std::string CollectionJson(const Place& place, const vectors::CollectionSpec& spec) {
  const auto name = vectors::Split(spec.name);
  return chroma::RenderCollection(spec, name ? name->name : spec.name, place.tenant,
                                  place.database);
}

// The name, in this database, of the collection with an id; foreign ones are not there.
Result<std::string> NameOfId(const Place& place, const std::string& uuid) {
  const auto id = chroma::IdOf(uuid);
  if (id) {
    const auto full = place.shelf.store.NameOf(*id);
    const auto name = full ? vectors::Split(*full) : std::nullopt;
    if (name && name->tenant == place.shelf.tenant && name->database == place.shelf.database)
      return name->name;
  }
  return Fail(NoCollection(uuid));
}

Answer ListCollections(const Place& place, const VectorRequest& request) {
  const auto page = PageOf(request.query);
  if (!page) return Fail(page.error());
  auto specs = place.shelf.List();
  if (!specs) return Fail(std::move(specs.error()));
  std::string out;
  json::Writer writer(&out);
  writer.BeginArray();
  for (const auto& spec : Cut(std::move(*specs), *page)) {
    writer.Raw(chroma::RenderCollection(spec, spec.name, place.tenant, place.database));
  }
  writer.EndArray();
  return Ok(std::move(out));
}

Answer GetCollection(const Place& place, const std::string& name) {
  const auto spec = place.shelf.Look(name);
  if (!spec) return Fail(spec.error());
  return Ok(CollectionJson(place, *spec));
}

Answer CreateCollection(const Place& place, const VectorRequest& request) {
  const auto body = request.Json();
  if (!body) return Fail(body.error());
  const auto ask = chroma::ReadCreate(*body);
  if (!ask) return Fail(ask.error());
  auto made = place.shelf.Create(ask->name, {.about = chroma::AboutOf(*ask)});
  const bool there = !made && made.error().code == Code::kConflict && ask->get_or_create;
  if (!made && !there) return Fail(std::move(made.error()));
  return GetCollection(place, ask->name);
}

Answer ChangeCollection(const Place& place, const std::string& name, const VectorRequest& request) {
  const auto body = request.Json();
  if (!body) return Fail(body.error());
  const auto change = chroma::ReadChange(*body);
  if (!change) return Fail(change.error());
  const vectors::Store::ChangeValue with = [&](const json::Value& now) {
    return chroma::WithChange(now, *change);
  };
  if (change->metadata || !change->configuration.is_null()) {
    auto changed = place.shelf.store.ChangeAbout(place.shelf.FullName(name), with);
    if (!changed) return Fail(std::move(changed.error()));
  }
  if (change->name) {
    auto renamed =
        place.shelf.store.Rename(place.shelf.FullName(name), place.shelf.FullName(*change->name));
    if (!renamed && renamed.error().code == Code::kConflict) {
      return Fail(Code::kConflict, fmt::format("there is a collection '{}' already", *change->name),
                  "new_name", "collection_exists");
    }
    if (!renamed) return Fail(std::move(renamed.error()));
  }
  return Nothing();
}

// ---- records

// The collection, with a space for vectors of these dimensions where it has none yet.
Result<std::shared_ptr<vectors::Collection>> ReadyFor(const Place& place, const std::string& name,
                                                      std::optional<uint32_t> dimensions) {
  auto collection = place.shelf.Find(name);
  if (!collection || !dimensions || !(*collection)->spec().spaces.empty()) return collection;
  const auto spec = place.shelf.Look(name);
  if (!spec) return Fail(spec.error());
  const vectors::Space space{.dimensions = *dimensions, .metric = chroma::MetricOf(*spec)};
  auto given = place.shelf.store.GiveSpaces(place.shelf.FullName(name), std::span(&space, 1));
  // Another may have been first.
  if (!given && given.error().code != Code::kConflict) return Fail(std::move(given.error()));
  return place.shelf.Find(name);
}

Answer WriteRecords(const Place& place, const std::string& name, const VectorRequest& request,
                    chroma::WriteKind kind) {
  const auto body = request.Json();
  if (!body) return Fail(body.error());
  const auto records = chroma::ReadRecords(*body, kind);
  if (!records) return Fail(records.error());
  const auto dimensions = chroma::DimensionsOf(*records);
  auto collection = ReadyFor(place, name, dimensions);
  if (!collection) return Fail(std::move(collection.error()));
  auto written = Write(**collection, *records, kind);
  if (!written) return Fail(std::move(written.error()));
  return VectorReply{.status = kind == chroma::WriteKind::kAdd ? 201 : 200, .body = "{}"};
}

Answer GetRecords(const vectors::Collection& collection, const json::Value& body) {
  const auto ask = chroma::ReadGet(body);
  if (!ask) return Fail(ask.error());
  const auto points = Get(collection, *ask);
  if (!points) return Fail(points.error());
  return Ok(chroma::RenderGet(*points, ask->include));
}

Answer DeleteRecords(vectors::Collection& collection, const json::Value& body) {
  const auto ask = chroma::ReadDelete(body);
  if (!ask) return Fail(ask.error());
  const auto deleted = Delete(collection, *ask);
  if (!deleted) return Fail(deleted.error());
  return Ok(fmt::format(R"({{"deleted":{}}})", *deleted));
}

Answer QueryRecords(const Place& place, const std::string& name,
                    const vectors::Collection& collection, const json::Value& body) {
  const auto ask = chroma::ReadQuery(body);
  if (!ask) return Fail(ask.error());
  const auto spec = place.shelf.Look(name);
  if (!spec) return Fail(spec.error());
  const auto hits = Query(collection, *ask);
  if (!hits) return Fail(hits.error());
  return Ok(chroma::RenderQuery(*hits, chroma::MetricOf(*spec), ask->include));
}

Answer Records(const Place& place, const std::string& name, const std::string& what,
               const VectorRequest& request) {
  const auto collection = place.shelf.Find(name);
  if (!collection) return Fail(collection.error());
  if (request.method == "GET") {
    if (what != "count" && what != "indexing_status") return Nowhere();
    const auto count = (*collection)->Count();
    if (!count) return Fail(count.error());
    if (what == "count") return Ok(fmt::format("{}", *count));
    return Ok(fmt::format(R"({{"num_indexed_ops":{0},"num_unindexed_ops":0,"total_ops":{0},)"
                          R"("op_indexing_progress":1.0}})",
                          *count));
  }
  if (request.method != "POST") return Nowhere();
  using chroma::WriteKind;
  if (what == "add") return WriteRecords(place, name, request, WriteKind::kAdd);
  if (what == "update") return WriteRecords(place, name, request, WriteKind::kUpdate);
  if (what == "upsert") return WriteRecords(place, name, request, WriteKind::kUpsert);
  if (what == "fork" || what == "search") {
    return Fail(Code::kInvalidArgument, what + " is not supported; query and get are", what,
                "unsupported_parameter");
  }
  const auto body = request.Json();
  if (!body) return Fail(body.error());
  if (what == "get") return GetRecords(**collection, *body);
  if (what == "delete") return DeleteRecords(**collection, *body);
  if (what == "query") return QueryRecords(place, name, **collection, *body);
  return Nowhere();
}

// ---- paths

// Behind /tenants/T/databases/D.
Answer InDatabase(const Place& place, std::span<const std::string> path,
                  const VectorRequest& request) {
  const std::string& method = request.method;
  if (path.empty()) {
    if (method == "GET") return Ok(DatabaseJson(place));
    if (method == "DELETE") return DeleteDatabase(place);
    return Nowhere();
  }
  if (path[0] == "collections_count" && path.size() == 1 && method == "GET") {
    const auto specs = place.shelf.List();
    if (!specs) return Fail(specs.error());
    return Ok(fmt::format("{}", specs->size()));
  }
  if (path[0] != "collections") return Nowhere();
  if (path.size() == 1) {
    if (method == "GET") return ListCollections(place, request);
    if (method == "POST") return CreateCollection(place, request);
    return Nowhere();
  }
  if (path.size() == 2 && method == "GET") return GetCollection(place, path[1]);
  if (path.size() == 2 && method == "DELETE") {
    auto dropped = place.shelf.Drop(path[1]);
    if (!dropped) return Fail(std::move(dropped.error()));
    return Nothing();
  }
  const bool by_id = path.size() == 3 && path[1] == "by-id" && method == "GET";
  const auto name = NameOfId(place, by_id ? path[2] : path[1]);
  if (!name) return Fail(name.error());
  if (by_id) return GetCollection(place, *name);
  if (path.size() == 2 && method == "PUT") return ChangeCollection(place, *name, request);
  if (path.size() == 3) return Records(place, *name, path[2], request);
  return Nowhere();
}

// Behind /tenants.
Answer InTenants(const Shelf& shelf, std::span<const std::string> path,
                 const VectorRequest& request) {
  const std::string& method = request.method;
  if (path.empty()) {
    if (method != "POST") return Nowhere();
    const auto name = NameIn(request);
    if (!name) return Fail(name.error());
    if (*name == kDefaultTenant || *name == shelf.tenant) {
      return Fail(Code::kConflict, fmt::format("there is a tenant '{}' already", *name), "name",
                  "tenant_exists");
    }
    return Fail(Code::kForbidden, "tenants belong to keys; make a key of another with weir keys",
                "name", "tenants_are_of_keys");
  }
  const std::string& tenant = path[0];
  if (tenant != kDefaultTenant && tenant != shelf.tenant) return Fail(NoTenant(tenant));
  if (path.size() == 1) {
    if (method != "GET") return Nowhere();
    std::string out;
    json::Writer(&out).BeginObject().Field("name", tenant).EndObject();
    return Ok(std::move(out));
  }
  if (path[1] != "databases") return Nowhere();
  Place place{shelf, tenant, {}};
  if (path.size() == 2) {
    if (method == "GET") return ListDatabases(place, request);
    if (method == "POST") return CreateDatabase(place, request);
    return Nowhere();
  }
  place.database = path[2];
  if (!HasDatabase(shelf, place.database)) return Fail(NoDatabase(place.database));
  if (place.database != kDefaultDatabase) place.shelf.database = place.database;
  return InDatabase(place, path.subspan(3), request);
}

Answer Route(const Shelf& shelf, const VectorRequest& request, WallTime now,
             const std::string& key) {
  const std::vector<std::string>& path = request.path;
  if (path[0] == "tenants") return InTenants(shelf, std::span(path).subspan(1), request);
  std::string name = request.method;
  for (const std::string& part : path) name += " " + part;
  if (name == "GET heartbeat") {
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch());
    return Ok(fmt::format(R"({{"nanosecond heartbeat":{}}})", ns.count()));
  }
  if (name == "GET version") return Ok(fmt::format("\"{}\"", chroma::kVersion));
  if (name == "GET healthcheck")
    return Ok(R"({"is_executor_ready":true,"is_log_client_ready":true})");
  if (name == "GET pre-flight-checks") {
    return Ok(fmt::format(R"({{"max_batch_size":{},"supports_base64_encoding":false}})",
                          vectors::Limits::kBatchPoints));
  }
  if (name == "GET auth identity") {
    std::string out;
    json::Writer writer(&out);
    writer.BeginObject().Field("user_id", key).Field("tenant", kDefaultTenant);
    writer.Key("databases").BeginArray().String(kDefaultDatabase).EndArray().EndObject();
    return Ok(std::move(out));
  }
  if (name == "POST reset") {
    return Fail(Code::kForbidden, "nothing is reset here; delete collections by name", {},
                "reset_forbidden");
  }
  return Nowhere();
}

}  // namespace

Task<void> Chroma(Site& site, Call& call) {
  co_await AnswerWithVectors(site, call, std::string(vectors::FullName::kDatabase),
                             [now = site.clock.WallNow(), key = call.asked.principal.key_id](
                                 const Shelf& shelf, const VectorRequest& request) {
                               return Route(shelf, request, now, key);
                             });
}

Task<void> ChromaOne(Site&, Call& call) {
  co_await call.SendError({Code::kNotFound,
                           "version 1 of this API is no longer there; use a client that speaks "
                           "/api/v2 (chromadb 0.6 and later)",
                           {},
                           "unknown_route"});
}

}  // namespace weir::server
