#include "server/qdrant_routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "dialects/qdrant/answer.h"
#include "dialects/qdrant/collection.h"
#include "json/writer.h"
#include "server/qdrant_points.h"
#include "server/qdrant_snapshots.h"
#include "server/vector_calls.h"

namespace weir::server {
namespace {

using Answer = Result<std::string>;

std::string True() { return "true"; }

std::unexpected<Error> Nowhere() {
  return Fail(Code::kNotFound, "there is nothing at this path", {}, "unknown_route");
}

Answer List(const Shelf& shelf) {
  const auto specs = shelf.List();
  if (!specs) return Fail(specs.error());
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("collections").BeginArray();
  for (const auto& spec : *specs) writer.BeginObject().Field("name", spec.name).EndObject();
  writer.EndArray().EndObject();
  return out;
}

Answer Describe(const Shelf& shelf, const std::string& name) {
  const auto spec = shelf.Look(name);
  if (!spec) return Fail(spec.error());
  const auto collection = shelf.Find(name);
  if (!collection) return Fail(collection.error());
  const auto points = (*collection)->Count();
  if (!points) return Fail(points.error());
  qdrant::CollectionFacts facts{.spec = *spec, .points = *points};
  for (const qdrant::FieldIndex& index : qdrant::AboutOf(spec->about).indexes) {
    vectors::Filter filter;
    filter.must_not.push_back(vectors::IsEmpty{index.field});
    facts.indexed[index.field] = (*collection)->Count(filter).value_or(0);
  }
  return RenderCollection(facts);
}

Answer Create(const Shelf& shelf, const std::string& name, const VectorRequest& request) {
  if (auto ok = qdrant::CheckName(name); !ok) return Fail(std::move(ok.error()));
  const auto body = request.JsonOrNothing();
  if (!body) return Fail(body.error());
  auto ask = qdrant::ReadCreate(*body);
  if (!ask) return Fail(std::move(ask.error()));
  auto made = shelf.Create(
      name, {.spaces = std::move(ask->spaces),
             .about = WithAbout({}, qdrant::About{.metadata = std::move(ask->metadata)})});
  if (!made) return Fail(std::move(made.error()));
  return True();
}

// A change of metadata sets the fields that it has.
Answer Change(const Shelf& shelf, const std::string& name, const VectorRequest& request) {
  const auto body = request.JsonOrNothing();
  if (!body) return Fail(body.error());
  const auto metadata = qdrant::ReadChange(*body);
  if (!metadata) return Fail(metadata.error());
  if (auto found = shelf.Look(name); !found) return Fail(std::move(found.error()));
  if (!*metadata) return True();
  auto changed = shelf.store.ChangeAbout(shelf.FullName(name), [&](const json::Value& now) {
    qdrant::About about = qdrant::AboutOf(now);
    if (about.metadata.AsObject() == nullptr) about.metadata = json::Object();
    json::Object& members = *about.metadata.AsObject();
    for (const json::Member& member : *(*metadata)->AsObject()) {
      std::erase_if(members, [&](const auto& old) { return old.key == member.key; });
      if (!member.value.is_null()) members.push_back(member);
    }
    return WithAbout(now, about);
  });
  if (!changed) return Fail(std::move(changed.error()));
  return True();
}

Answer Drop(const Shelf& shelf, const std::string& name) {
  const auto dropped = shelf.Drop(name);
  if (dropped) return True();
  if (dropped.error().code == Code::kNotFound) return "false";
  return Fail(dropped.error());
}

Answer Updated() { return R"({"operation_id":0,"status":"completed"})"; }

Answer AddIndex(const Shelf& shelf, const std::string& name, const VectorRequest& request) {
  const auto body = request.Json();
  if (!body) return Fail(body.error());
  const auto index = qdrant::ReadFieldIndex(*body);
  if (!index) return Fail(index.error());
  if (auto found = shelf.Look(name); !found) return Fail(std::move(found.error()));
  auto changed = shelf.store.ChangeAbout(shelf.FullName(name), [&](const json::Value& now) {
    qdrant::About about = qdrant::AboutOf(now);
    std::erase_if(about.indexes, [&](const auto& old) { return old.field == index->field; });
    about.indexes.push_back(*index);
    return WithAbout(now, about);
  });
  if (!changed) return Fail(std::move(changed.error()));
  return Updated();
}

Answer RemoveIndex(const Shelf& shelf, const std::string& name, const std::string& field) {
  if (auto found = shelf.Look(name); !found) return Fail(std::move(found.error()));
  auto changed = shelf.store.ChangeAbout(shelf.FullName(name), [&](const json::Value& now) {
    qdrant::About about = qdrant::AboutOf(now);
    std::erase_if(about.indexes, [&](const auto& old) { return old.field == field; });
    return WithAbout(now, about);
  });
  if (!changed) return Fail(std::move(changed.error()));
  return Updated();
}

// Of one collection, or of all.
Answer ListAliases(const Shelf& shelf, const std::string& of) {
  std::string only;
  if (!of.empty()) {
    auto spec = shelf.Look(of);
    if (!spec) return Fail(std::move(spec.error()));
    only = spec->name;
  }
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("aliases").BeginArray();
  for (const vectors::Alias& alias : shelf.store.Aliases()) {
    const auto name = vectors::Split(alias.name);
    const auto collection = vectors::Split(alias.collection);
    if (!name || !collection || name->tenant != shelf.tenant || name->database != shelf.database)
      continue;
    if (!only.empty() && alias.collection != only) continue;
    writer.BeginObject()
        .Field("alias_name", name->name)
        .Field("collection_name", collection->name)
        .EndObject();
  }
  writer.EndArray().EndObject();
  return out;
}

Answer ChangeAliases(const Shelf& shelf, const VectorRequest& request) {
  const auto body = request.Json();
  if (!body) return Fail(body.error());
  const auto asked = qdrant::ReadAliasChanges(*body);
  if (!asked) return Fail(asked.error());
  std::vector<vectors::Alias> changes;
  using Kind = qdrant::AliasChange::Kind;
  for (const qdrant::AliasChange& change : *asked) {
    const std::string& made = change.kind == Kind::kRename ? change.new_alias : change.alias;
    if (change.kind != Kind::kDelete) {
      if (auto ok = qdrant::CheckName(made); !ok) return Fail(std::move(ok.error()));
    }
    const std::string alias = shelf.FullName(change.alias);
    switch (change.kind) {
      case Kind::kCreate: {
        if (auto found = shelf.Look(change.collection); !found)
          return Fail(std::move(found.error()));
        changes.push_back({alias, shelf.FullName(change.collection)});
        break;
      }
      case Kind::kDelete:
        changes.push_back({alias, ""});
        break;
      case Kind::kRename: {
        const auto all = shelf.store.Aliases();
        const auto found = std::ranges::find(all, alias, &vectors::Alias::name);
        if (found == all.end()) {
          return Fail(Code::kNotFound, fmt::format("there is no alias '{}'", change.alias),
                      "actions", "alias_not_found");
        }
        changes.push_back({shelf.FullName(change.new_alias), found->collection});
        changes.push_back({alias, ""});
        break;
      }
    }
  }
  auto changed = shelf.store.ChangeAliases(changes);
  if (!changed && changed.error().code == Code::kNotFound) {
    return Fail(Code::kNotFound, "there is no such alias", "actions", "alias_not_found");
  }
  if (!changed && changed.error().code == Code::kConflict) {
    return Fail(Code::kConflict, "a collection has the name of the alias", "actions",
                "collection_exists");
  }
  if (!changed) return Fail(std::move(changed.error()));
  return True();
}

Answer Route(const Shelf& shelf, const VectorRequest& request) {
  const std::string& method = request.method;
  const std::vector<std::string>& path = request.path;
  if (path.empty()) return method == "GET" ? List(shelf) : Nowhere();
  const std::string& name = path[0];
  if (path.size() == 1) {
    if (method == "POST" && name == "aliases") return ChangeAliases(shelf, request);
    if (method == "GET") return Describe(shelf, name);
    if (method == "PUT") return Create(shelf, name, request);
    if (method == "PATCH") return Change(shelf, name, request);
    if (method == "DELETE") return Drop(shelf, name);
    return Nowhere();
  }
  const std::string& what = path[1];
  if (what == "points") {
    return AnswerQdrantPoints(shelf, name, std::span(path).subspan(2), request);
  }
  if (what == "snapshots") {
    return AnswerQdrantSnapshots(shelf, name, std::span(path).subspan(2), request);
  }
  if (method == "DELETE" && what == "index" && path.size() == 3)
    return RemoveIndex(shelf, name, path[2]);
  if (path.size() != 2) return Nowhere();
  if (method == "GET" && what == "exists") {
    return shelf.Look(name) ? R"({"exists":true})" : R"({"exists":false})";
  }
  if (method == "GET" && what == "aliases") return ListAliases(shelf, name);
  if (method == "PUT" && what == "index") return AddIndex(shelf, name, request);
  if (method == "POST" && what == "facet") return AnswerQdrantFacet(shelf, name, request);
  return Nowhere();
}

HandleVectors Enveloped(Site& site, std::function<Answer(const Shelf&, const VectorRequest&)> run) {
  return [&clock = site.clock, run = std::move(run)](
             const Shelf& shelf, const VectorRequest& request) -> Result<VectorReply> {
    const MonotonicTime start = clock.Now();
    const auto answer = run(shelf, request);
    if (!answer) return Fail(answer.error());
    return VectorReply{.body = qdrant::Envelope(*answer, clock.Now() - start)};
  };
}

}  // namespace

Task<void> QdrantVersion(Site&, Call& call) {
  co_await call.SendJson(200, qdrant::RenderVersion(WEIR_VERSION));
}

Task<void> QdrantAliases(Site& site, Call& call) {
  co_await AnswerWithVectors(site, call, std::string(vectors::FullName::kDatabase),
                             Enveloped(site, [](const Shelf& shelf, const VectorRequest&) {
                               return ListAliases(shelf, "");
                             }));
}

Task<void> QdrantCollections(Site& site, Call& call) {
  co_await AnswerWithVectors(site, call, std::string(vectors::FullName::kDatabase),
                             Enveloped(site, Route));
}

}  // namespace weir::server
