#include "cli/collections_commands.h"

#include <fmt/format.h>

#include <filesystem>

#include "chat/principal.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/url_path.h"
#include "json/writer.h"
#include "process/file_lock.h"
#include "vectors/full_name.h"
#include "vectors/store.h"

namespace weir::cli {
namespace {

// The store of a data folder that no server holds.
struct OwnStore {
  FileLock lock;
  std::shared_ptr<vectors::Store> store;
};

Result<OwnStore> OpenOwn(const Common& common) {
  const std::filesystem::path data(common.folders.data);
  std::error_code error;
  if (!std::filesystem::exists(data / "vectors" / "vectors.db", error)) {
    return Fail(Code::kNotFound, "no server has kept collections in this data folder yet", "data");
  }
  auto lock = FileLock::Acquire(common.folders.data);
  if (!lock) return Fail(std::move(lock.error()));
  auto store = vectors::Store::Open(data / "vectors");
  if (!store) return Fail(std::move(store.error()));
  return OwnStore{std::move(*lock), std::move(*store)};
}

vectors::FullName FullNameOf(const CollectionOptions& options) {
  vectors::FullName name{.tenant = chat::Principal().tenant, .name = options.name};
  if (!options.database.empty()) name.database = options.database;
  return name;
}

// As the server describes one.
json::Value Described(const vectors::Store& store, const vectors::CollectionSpec& spec,
                      const vectors::FullName& name) {
  const auto collection = store.Find(spec.name);
  json::Array spaces, aliases;
  for (const vectors::Space& space : spec.spaces) {
    spaces.push_back(json::Object{{"name", space.name},
                                  {"dimensions", int64_t{space.dimensions}},
                                  {"metric", std::string(vectors::MetricName(space.metric))}});
    if (space.sparse) spaces.back().AsObject()->push_back({"sparse", true});
    if (space.multi) spaces.back().AsObject()->push_back({"multi", true});
    if (!space.model.empty()) spaces.back().AsObject()->push_back({"model", space.model});
  }
  for (const vectors::Alias& alias : store.Aliases()) {
    const auto other = vectors::Split(alias.name);
    if (other && alias.collection == spec.name) aliases.emplace_back(other->name);
  }
  return json::Object{{"object", "collection"},
                      {"name", name.name},
                      {"database", name.database},
                      {"tenant", name.tenant},
                      {"points", collection ? (*collection)->Count().value_or(0) : 0},
                      {"spaces", std::move(spaces)},
                      {"aliases", std::move(aliases)}};
}

std::string PathOf(const CollectionOptions& options) {
  std::string path = "/weir/v1/collections/" + PathPiece(options.name);
  if (!options.database.empty()) path += "?database=" + PathPiece(options.database);
  return path;
}

std::string SpacesOf(const json::Value& collection) {
  std::string text;
  for (const json::Value& space : ListAt(collection, "spaces")) {
    const std::string name = TextAt(space, "name");
    const std::string model = TextAt(space, "model");
    text += fmt::format("{}{}{} {}{}", text.empty() ? "" : ", ", name.empty() ? "" : name + ": ",
                        static_cast<int64_t>(NumberAt(space, "dimensions")),
                        TextAt(space, "metric"), model.empty() ? "" : " by " + model);
  }
  return text.empty() ? "-" : text;
}

Result<json::Array> Listed(const Common& common, const CollectionOptions& options) {
  if (auto link = ServerLink::Find(common.folders)) {
    const auto listed =
        link->Get(options.all ? "/weir/v1/collections?all=true" : "/weir/v1/collections");
    if (!listed) return Fail(listed.error());
    return ListAt(*listed, "data");
  }
  const auto own = OpenOwn(common);
  if (!own) {
    if (own.error().code == Code::kNotFound) return json::Array();
    return Fail(own.error());
  }
  const auto specs = own->store->List();
  if (!specs) return Fail(specs.error());
  json::Array rows;
  for (const vectors::CollectionSpec& spec : *specs) {
    const auto name = vectors::Split(spec.name);
    if (!name || (!options.all && name->tenant != chat::Principal().tenant)) continue;
    rows.push_back(Described(*own->store, spec, *name));
  }
  return rows;
}

Error NotThere(const std::string& name) {
  return {Code::kNotFound,
          fmt::format("there is no collection '{}'; see weir collections list", name), "collection",
          "collection_not_found"};
}

}  // namespace

int ListCollections(const Common& common, const CollectionOptions& options) {
  auto rows = Listed(common, options);
  if (!rows) return Report(rows.error());
  if (common.json) {
    fmt::print("{}\n", json::Print(json::Value(std::move(*rows))));
    return 0;
  }
  Table table({"NAME", "DATABASE", "TENANT", "POINTS", "VECTORS"});
  for (const json::Value& row : *rows) {
    table.Add({TextAt(row, "name"), TextAt(row, "database"), TextAt(row, "tenant"),
               fmt::format("{}", static_cast<int64_t>(NumberAt(row, "points"))), SpacesOf(row)});
  }
  fmt::print("{}", table.Text());
  return 0;
}

int ShowCollection(const Common& common, const CollectionOptions& options) {
  json::Value shown;
  if (auto link = ServerLink::Find(common.folders)) {
    auto got = link->Get(PathOf(options));
    if (!got) return Report(got.error());
    shown = std::move(*got);
  } else {
    const auto own = OpenOwn(common);
    if (!own) return Report(own.error());
    const auto spec = own->store->Look(vectors::Joined(FullNameOf(options)));
    const auto name = spec ? vectors::Split(spec->name) : std::nullopt;
    if (!name) return Report(NotThere(options.name));
    shown = Described(*own->store, *spec, *name);
  }
  if (common.json) {
    fmt::print("{}\n", json::Print(shown));
    return 0;
  }
  std::string aliases;
  for (const json::Value& alias : ListAt(shown, "aliases")) {
    if (const std::string* text = alias.AsString())
      aliases += (aliases.empty() ? "" : ", ") + *text;
  }
  fmt::print("name      {}\ndatabase  {}\ntenant    {}\npoints    {}\nvectors   {}\naliases   {}\n",
             TextAt(shown, "name"), TextAt(shown, "database"), TextAt(shown, "tenant"),
             static_cast<int64_t>(NumberAt(shown, "points")), SpacesOf(shown),
             aliases.empty() ? "-" : aliases);
  return 0;
}

int RemoveCollection(const Common& common, const CollectionOptions& options) {
  if (auto link = ServerLink::Find(common.folders)) {
    const auto removed = link->Delete(PathOf(options));
    if (!removed) return Report(removed.error());
  } else {
    const auto own = OpenOwn(common);
    if (!own) return Report(own.error());
    const auto dropped = own->store->Drop(vectors::Joined(FullNameOf(options)));
    if (!dropped) {
      return Report(dropped.error().code == Code::kNotFound ? NotThere(options.name)
                                                            : dropped.error());
    }
  }
  if (common.json) {
    fmt::print("{}\n",
               json::Print(json::Value(json::Object{{"name", options.name}, {"deleted", true}})));
  } else {
    fmt::print("removed {}\n", options.name);
  }
  return 0;
}

}  // namespace weir::cli
