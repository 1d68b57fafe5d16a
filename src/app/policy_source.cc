#include "app/policy_source.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <utility>

#include "app/provider_targets.h"
#include "base/check.h"
#include "base/log.h"
#include "gguf/inspect.h"
#include "gguf/projector.h"
#include "models/footprint.h"
#include "policy/engine_settings.h"
#include "policy/whole_policy.h"

namespace weir::app {
namespace {

constexpr auto kLookInterval = std::chrono::seconds(1);
// Modification times of the manifest folders: a model that comes or goes changes one of them.
uint64_t Mix(uint64_t hash, const std::filesystem::path& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return hash;
  const auto nanoseconds = static_cast<uint64_t>(facts.st_mtim.tv_sec) * 1'000'000'000u +
                           static_cast<uint64_t>(facts.st_mtim.tv_nsec);
  return (hash ^ nanoseconds) * 0x100000001b3u + facts.st_ino;
}

// Of a time as a manifest has it ("2026-01-02T03:04:05Z"); 0 where it is none.
int64_t SecondsOf(const std::string& rfc3339) {
  std::tm parts{};
  const char* end = strptime(rfc3339.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  return end == nullptr || *end != 'Z' ? 0 : timegm(&parts);
}

void Describe(const policy::FileFacts& facts, server::ListedModel& model) {
  model.family = facts.family;
  model.parameters = facts.parameters;
  model.quantisation = facts.quantisation;
}

}  // namespace

PolicySource::PolicySource(config::Settings settings, const models::Store& store,
                           const models::Catalogue& catalogue, const Clock& clock)
    : settings_(std::move(settings)),
      store_(store),
      catalogue_(catalogue),
      clock_(clock),
      since_s_(UnixSeconds(clock.WallNow())) {
  Rebuild();
}

std::shared_ptr<const routing::Policy> PolicySource::Current() {
  const MonotonicTime now = clock_.Now();
  if (now - looked_ >= kLookInterval) {
    looked_ = now;
    if (StoreSignature() != signature_) Rebuild();
  }
  return policy_;
}

void PolicySource::Replace(config::Settings settings) {
  settings_ = std::move(settings);
  since_s_ = UnixSeconds(clock_.WallNow());
  Rebuild();
}

uint64_t PolicySource::StoreSignature() const {
  const std::filesystem::path manifests = std::filesystem::path(store_.root()) / "manifests";
  uint64_t hash = Mix(0xcbf29ce484222325u, manifests);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(manifests, error)) {
    hash ^= Mix(0x9e3779b97f4a7c15u, entry.path());  // in whatever order the folder lists them
  }
  return hash;
}

void PolicySource::Rebuild() {
  signature_ = StoreSignature();
  provider_targets_.clear();
  listed_.clear();
  const models::Listing listing = store_.List();
  for (const std::string& problem : listing.problems) LogWarning("model store: {}", problem);
  policy::Whole whole = policy::WholePolicy(
      settings_, listing, catalogue_,
      [this](const models::Manifest& manifest) { return FactsOf(manifest).use; });
  for (const std::string& name : whole.local) {
    server::ListedModel& listed = listed_.emplace_back();
    listed.name = name;
    listed.created = since_s_;
    if (const config::Model* settings = FileSettingsOf(name)) {
      const auto info = gguf::InspectFile(*settings->file);
      if (info) listed.size = info->file_size;
      Describe(policy::FactsOf(info), listed);
    }
  }
  for (const routing::Declared& declared : whole.beyond) {
    listed_.push_back(
        {.name = *declared.target.name, .created = since_s_, .owner = *declared.backend->name});
    provider_targets_.push_back(ProviderTargetOf(*declared.backend, declared.target));
  }
  for (const routing::VirtualModel& model : whole.policy.virtuals) {
    listed_.push_back({.name = model.name, .created = since_s_});
  }
  policy_ = std::make_shared<const routing::Policy>(std::move(whole.policy));
}

const policy::FileFacts& PolicySource::FactsOf(const models::Manifest& manifest) {
  const std::string& key = manifest.path.empty() ? manifest.sha256 : manifest.path;
  const auto known = facts_.find(key);
  if (known != facts_.end()) return known->second;
  return facts_[key] = policy::FactsByFile(store_, manifest);
}

Result<std::string> PolicySource::LocalModel(const std::string& name) {
  const auto policy = Current();
  const auto found = std::ranges::find(policy->virtuals, name, &routing::VirtualModel::name);
  const std::string wanted =
      found != policy->virtuals.end() && !found->targets.empty() ? found->targets.front() : name;
  const auto target = std::ranges::find(policy->targets, wanted, &routing::Target::name);
  if (target != policy->targets.end()) {
    if (target->backend == policy::kEngineBackend) return target->model;
    return Fail(Code::kNotFound,
                fmt::format("'{}' is no model of this machine", wanted.substr(0, 128)), "model",
                "model_not_found");
  }
  const auto manifest = store_.Resolve(wanted);
  if (!manifest) return std::unexpected(manifest.error());
  return manifest->name.ToString();
}

std::vector<server::ListedModel> PolicySource::ListModels() {
  Current();
  std::vector<server::ListedModel> listed = listed_;
  for (const models::Manifest& manifest : store_.List().models) {
    const auto found =
        std::ranges::find(listed, manifest.name.ToString(), &server::ListedModel::name);
    if (found == listed.end()) continue;
    found->size = manifest.size;
    found->created = SecondsOf(manifest.created);
    found->sha256 = manifest.sha256;
    Describe(FactsOf(manifest), *found);
  }
  return listed;
}

const config::Model* PolicySource::FileSettingsOf(const std::string& model) const {
  const config::Model* settings = policy::ModelSettingsOf(settings_, model);
  return settings != nullptr && !settings->file->empty() ? settings : nullptr;
}

Result<models::OpenedModel> PolicySource::Open(const std::string& model) const {
  const config::Model* settings = FileSettingsOf(model);
  if (settings == nullptr) return store_.Open(model);
  auto opened = models::OpenModelFile(*settings->file);
  if (!opened || settings->projector->empty()) return opened;
  const auto projector = models::OpenModelFile(*settings->projector);
  if (!projector) return std::unexpected(projector.error());
  if (auto checked = gguf::CheckProjector(projector->fd.get()); !checked)
    return std::unexpected(checked.error());
  opened->projector = projector->path;
  opened->beside_bytes = projector->size;
  return opened;
}

Result<server::StoredModel> PolicySource::Stored(const std::string& model) const {
  auto opened = Open(model);
  if (!opened) return std::unexpected(opened.error());
  server::StoredModel stored = {.name = model, .file = std::move(opened->fd)};
  if (FileSettingsOf(model) != nullptr) return stored;
  auto manifest = store_.Resolve(model);
  if (!manifest) return std::unexpected(manifest.error());
  stored.manifest = std::move(*manifest);
  return stored;
}

Result<backends::ModelFile> PolicySource::FileOf(const std::string& model) const {
  const config::Model* settings = policy::ModelSettingsOf(settings_, model);
  auto opened = Open(model);
  if (!opened) return std::unexpected(opened.error());
  const auto info = gguf::InspectDescriptor(opened->fd.get());
  if (!info) return std::unexpected(info.error());
  backends::ModelFile file{.files = {opened->path}};
  file.files.insert(file.files.end(), opened->adapters.begin(), opened->adapters.end());
  file.has_projector = !opened->projector.empty();
  if (file.has_projector) file.files.push_back(opened->projector);
  file.settings = policy::EngineSettingsOf(settings_, store_, model, *opened);
  if (settings != nullptr && settings->keep_alive.value) {
    const Duration keep = *settings->keep_alive.value;
    file.keep_alive = keep == config::kForever ? Duration(-1) : keep;
  }
  models::Footprint footprint = models::FootprintOf(*info, file.settings);
  footprint.weights += opened->beside_bytes;
  file.memory_least = footprint.least();
  file.memory_likely = footprint.likely();
  file.why_too_large = [info = *info, settings = file.settings](uint64_t bytes) {
    return models::TooLargeText(info, settings, bytes);
  };
  return file;
}

}  // namespace weir::app
