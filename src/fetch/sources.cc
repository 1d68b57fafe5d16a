// Each kind of reference to what has to be fetched.
#include <fmt/core.h>

#include "fetch/hub.h"
#include "fetch/registry.h"
#include "fetch/session.h"
#include "models/modelfile.h"

namespace weir::fetch {
namespace {

// A reference may have a tag that no model of the store can have.
Result<models::Name> NameOr(const Job& job, const models::Name& otherwise) {
  if (job.name.empty()) return models::ParseName(otherwise.ToString());
  auto name = models::ParseName(job.name);
  if (name && name->tag.empty()) name->tag = models::kDefaultTag;
  return name;
}

// With its namespace, where that can be part of a name.
models::Name NameInRegistry(const FromRegistry& from) {
  models::Name name = models::NameFor(from.repository, from.tag);
  const std::string space = from.repository.substr(0, from.repository.find('/'));
  if (auto whole = models::ParseName(space + "/" + name.model))
    name.model = std::move(whole->model);
  return name;
}

struct Finder {
  const Session& session;
  const Job& job = session.job;

  Result<Source> operator()(const FromCatalogue& from) const {
    const models::Entry* entry = models::Catalogue::BuiltIn().Find(from.name);
    const auto* hub =
        entry == nullptr || job.source < 0 ||
                static_cast<size_t>(job.source) >= entry->sources.size()
            ? nullptr
            : std::get_if<models::HubSource>(&entry->sources[static_cast<size_t>(job.source)]);
    if (hub == nullptr)
      return Fail(Code::kNotFound, "the catalogue has no such source", "model", "model_not_found");
    const auto name = NameOr(job, entry->name);
    if (!name) return Fail(name.error());
    return Source{.name = *name,
                  .reference = "hf:" + hub->repository + ":" + hub->file,
                  .who = "the hub",
                  .url = HubFileUrl(job.hub, hub->repository, "main", hub->file),
                  .token = job.hub_token,
                  .size = entry->size,
                  .sha256 = entry->sha256,
                  .licence = entry->licence};
  }

  Result<Source> operator()(const FromHub& from) const {
    const auto choice = AskHub(session.downloads, job.hub, job.hub_token, from);
    if (!choice) return Fail(choice.error());
    const HubFile& file = choice->files.front();
    const auto name = NameOr(job, models::NameFor(from.repository, choice->quantisation));
    if (!name) return Fail(name.error());
    Source out{.name = *name,
               .reference = ToText(FromHub{from.repository, file.path}),
               .who = "the hub",
               .url = HubFileUrl(job.hub, from.repository, choice->revision, file.path),
               .token = job.hub_token,
               .size = file.size,
               .sha256 = file.sha256,
               .revision = choice->revision,
               .licence = choice->licence};
    if (const auto& projector = choice->projector)
      out.projector = {HubFileUrl(job.hub, from.repository, choice->revision, projector->path),
                       projector->size, projector->sha256};
    if (choice->files.size() == 1) return out;
    out.url.clear();
    out.sha256.clear();
    out.size = 0;
    for (const HubFile& part : choice->files) {
      out.size += part.size;
      out.parts.push_back({HubFileUrl(job.hub, from.repository, choice->revision, part.path),
                           part.size, part.sha256});
    }
    return out;
  }

  Result<Source> operator()(const FromRegistry& from) const {
    const auto manifest = AskRegistry(session.downloads, job.registry, from);
    if (!manifest) return Fail(manifest.error());
    const auto name = NameOr(job, NameInRegistry(from));
    if (!name) return Fail(name.error());
    Source out{.name = *name,
               .reference = ToText(from),
               .who = "the registry",
               .url = LayerUrl(job.registry, from, manifest->model),
               .size = manifest->model.size,
               .sha256 = manifest->model.sha256,
               .revision = manifest->digest};
    for (const Layer& layer : manifest->adapters)
      out.adapters.push_back({LayerUrl(job.registry, from, layer), layer.size, layer.sha256});
    if (const auto& layer = manifest->projector)
      out.projector = {LayerUrl(job.registry, from, *layer), layer->size, layer->sha256};
    if (job.check_only) return out;
    if (auto read = ReadLayers(from, *manifest, out); !read) return Fail(read.error());
    return out;
  }

  Result<Source> operator()(const FromWeb& from) const {
    const std::string path = from.url.substr(0, from.url.find_first_of("?#"));
    const auto name = NameOr(job, models::NameFor(path, models::QuantisationIn(path)));
    if (!name) return Fail(name.error());
    const auto head = session.downloads.Peek(from.url, "");
    if (!head) return Fail(head.error());
    if (head->status != 200 && head->status != 206)
      return Fail(http::StatusError("the server", *head));
    return Source{.name = *name,
                  .reference = from.url,
                  .who = "the server",
                  .url = from.url,
                  .size = head->total,
                  .revision = std::string(head->Header("etag").substr(0, 128))};
  }

  Result<Source> operator()(const FromFile& from) const {
    const auto name = NameOr(job, models::NameFor(from.path, models::QuantisationIn(from.path)));
    if (!name) return Fail(name.error());
    return Source{.name = *name, .reference = ToText(from), .who = "the file"};
  }

  Result<std::string> Text(const FromRegistry& from, const std::vector<Layer>& layers) const {
    if (layers.empty()) return std::string();
    return FetchLayer(session.downloads, job.registry, from, layers.front());
  }

  Result<void> ReadLayers(const FromRegistry& from, const RegistryManifest& manifest,
                          Source& out) const {
    auto chat_template = Text(from, manifest.templates);
    auto system = Text(from, manifest.systems);
    auto licence = Text(from, manifest.licences);
    auto parameters = Text(from, manifest.parameters);
    for (const auto* text : {&chat_template, &system, &licence, &parameters}) {
      if (!*text) return Fail(text->error());
    }
    out.system = std::move(*system);
    out.licence_text = std::move(*licence);
    if (models::IsGoTemplate(*chat_template)) {
      session.reporter.Note(
          "the registry's template is written in Go's dialect, which is not carried over; the one "
          "inside the model is used");
    } else {
      out.chat_template = std::move(*chat_template);
    }
    if (parameters->empty()) return {};
    auto read = ParseRegistryParameters(*parameters);
    if (!read) return Fail(read.error());
    out.parameters = std::move(*read);
    return {};
  }
};

}  // namespace

Result<Source> FindSource(const Session& session, const Reference& reference) {
  return std::visit(Finder{session}, reference);
}

}  // namespace weir::fetch
