#include "server/collection_routes.h"

#include <algorithm>
#include <utility>

#include "http/message.h"
#include "json/writer.h"
#include "keys/scopes.h"
#include "server/vector_calls.h"

namespace weir::server {
namespace {

Result<void> AppendCollection(json::Writer& writer, const vectors::Store& store,
                              const vectors::CollectionSpec& spec, const vectors::FullName& name) {
  const auto collection = store.Find(spec.name);
  const auto points = collection ? (*collection)->Count() : std::unexpected(collection.error());
  if (!points) return Fail(points.error());
  writer.BeginObject()
      .Field("object", "collection")
      .Field("name", name.name)
      .Field("database", name.database)
      .Field("tenant", name.tenant)
      .Field("points", *points);
  writer.Key("spaces").BeginArray();
  for (const vectors::Space& space : spec.spaces) {
    writer.BeginObject()
        .Field("name", space.name)
        .Field("dimensions", space.dimensions)
        .Field("metric", vectors::MetricName(space.metric));
    if (space.sparse) writer.Field("sparse", true);
    if (space.multi) writer.Field("multi", true);
    if (!space.model.empty()) writer.Field("model", space.model);
    writer.EndObject();
  }
  writer.EndArray().Key("aliases").BeginArray();
  for (const vectors::Alias& alias : store.Aliases()) {
    const auto other = vectors::Split(alias.name);
    if (other && alias.collection == spec.name) writer.String(other->name);
  }
  writer.EndArray().EndObject();
  return {};
}

Result<VectorReply> List(const Shelf& shelf, bool all) {
  const auto specs = shelf.store.List();
  if (!specs) return Fail(specs.error());
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (const auto& spec : *specs) {
    const auto name = vectors::Split(spec.name);
    if (!name || (!all && name->tenant != shelf.tenant)) continue;
    auto appended = AppendCollection(writer, shelf.store, spec, *name);
    // One that was dropped meanwhile is not listed.
    if (!appended && appended.error().code != Code::kNotFound)
      return Fail(std::move(appended.error()));
  }
  writer.EndArray().EndObject();
  return VectorReply{.body = std::move(out)};
}

Result<VectorReply> Show(const Shelf& shelf, const std::string& name) {
  const auto spec = shelf.Look(name);
  if (!spec) return Fail(spec.error());
  const auto full = vectors::Split(spec->name);
  if (!full) return Fail(NoCollection(name));
  std::string out;
  json::Writer writer(&out);
  auto appended = AppendCollection(writer, shelf.store, *spec, *full);
  if (!appended) return Fail(std::move(appended.error()));
  return VectorReply{.body = std::move(out)};
}

Result<VectorReply> Remove(const Shelf& shelf, const std::string& name) {
  auto dropped = shelf.Drop(name);
  if (!dropped) return Fail(std::move(dropped.error()));
  std::string out;
  json::Writer(&out)
      .BeginObject()
      .Field("object", "collection")
      .Field("name", name)
      .Field("deleted", true)
      .EndObject();
  return VectorReply{.body = std::move(out)};
}

std::string DatabaseOf(const Call& call) {
  const auto named = http::QueryValue(call.request().query, "database");
  return named && !named->empty() ? *named : std::string(vectors::FullName::kDatabase);
}

}  // namespace

Task<void> GetCollections(Site& site, Call& call) {
  const bool all = http::QueryValue(call.request().query, "all") == "true";
  if (all) {
    const auto may = keys::RequireScope(call.asked.principal, chat::Scope::kAdmin);
    if (!may) {
      co_await call.SendError(may.error());
      co_return;
    }
  }
  co_await AnswerWithVectors(
      site, call, DatabaseOf(call),
      [all](const Shelf& shelf, const VectorRequest&) { return List(shelf, all); });
}

Task<void> OneCollection(Site& site, Call& call) {
  co_await AnswerWithVectors(
      site, call, DatabaseOf(call),
      [](const Shelf& shelf, const VectorRequest& request) -> Result<VectorReply> {
        if (request.path.size() != 1) {
          return Fail(Code::kNotFound, "there is nothing at this path", {}, "unknown_route");
        }
        return request.method == "DELETE" ? Remove(shelf, request.path[0])
                                          : Show(shelf, request.path[0]);
      });
}

}  // namespace weir::server
