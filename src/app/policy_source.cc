#include "app/policy_source.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <utility>

#include "app/model_defaults.h"
#include "app/provider_targets.h"
#include "base/check.h"
#include "base/log.h"
#include "gguf/inspect.h"
#include "routing/policy_hash.h"

namespace weir::app {
namespace {

constexpr auto kLookInterval = std::chrono::seconds(1);
constexpr std::string_view kEngineBackend = "here";

// Names that a policy file need not define.
constexpr std::string_view kAuto = "auto";
constexpr std::string_view kLocal = "local";
constexpr std::string_view kDevice = "device";

bool Has(const routing::Policy& policy, std::string_view name) {
  return std::ranges::find(policy.targets, name, &routing::Target::name) != policy.targets.end() ||
         std::ranges::find(policy.virtuals, name, &routing::VirtualModel::name) !=
             policy.virtuals.end();
}

void AddVirtual(routing::Policy& policy, std::string_view name, std::vector<std::string> targets,
                routing::Tier tier_max) {
  if (!Has(policy, name)) {
    policy.virtuals.push_back({std::string(name), std::move(targets), tier_max});
  }
}

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

int32_t OrZero(const config::Optional<int64_t>& setting) {
  return static_cast<int32_t>(setting.value.value_or(0));
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
  auto policy = std::make_shared<routing::Policy>();
  listed_.clear();
  std::map<std::string, int> tags;  // how many of each model
  const models::Listing listing = store_.List();
  for (const std::string& problem : listing.problems) LogWarning("model store: {}", problem);

  const auto add_local = [&](const std::string& name, bool embeds) {
    listed_.push_back({.name = name, .created = since_s_});
    policy->targets.push_back({.name = name,
                               .backend = std::string(kEngineBackend),
                               .model = name,
                               .tier = routing::Tier::kDevice,
                               .ceiling = chat::Label::kSecret,
                               .region = std::string(routing::kLocalRegion),
                               .generates = !embeds,
                               .embeds = true,
                               .tools = !embeds,
                               .json_schema = !embeds});
  };
  for (const config::Model& model : settings_.model_settings) {
    if (model.file->empty()) continue;
    const auto info = gguf::InspectFile(*model.file);
    add_local(model.name, info && info->capabilities.embedding);
  }
  for (const models::Manifest& manifest : listing.models) {
    const std::string& key = manifest.path.empty() ? manifest.sha256 : manifest.path;
    auto known = embeds_.find(key);
    if (known == embeds_.end()) {
      const auto opened = store_.Open(manifest.name.ToString());
      const auto info = opened ? gguf::InspectDescriptor(opened->fd.get())
                               : Result<gguf::Info>(std::unexpected(opened.error()));
      known = embeds_.emplace(key, info && info->capabilities.embedding).first;
    }
    ++tags[manifest.name.model];
    add_local(manifest.name.ToString(), known->second);
  }
  for (const routing::Declared& declared : routing::DeclaredTargets(settings_)) {
    if (!Has(*policy, *declared.target.name)) AddTarget(*policy, declared);
  }

  for (const config::Route& route : settings_.routes) {
    if (!Has(*policy, route.name)) policy->virtuals.push_back(routing::VirtualOf(route));
  }
  for (const models::Entry& entry : catalogue_.entries()) {
    for (const std::string& alias : entry.aliases) {
      if (Has(*policy, entry.name.ToString())) {
        AddVirtual(*policy, alias, {entry.name.ToString()}, routing::Tier::kDevice);
      }
    }
  }
  for (const models::Manifest& manifest : listing.models) {
    if (tags[manifest.name.model] == 1) {
      AddVirtual(*policy, manifest.name.model, {manifest.name.ToString()}, routing::Tier::kDevice);
    }
  }

  // Without a word from the operator: the model of -m, then fast, then capable, then whatever
  // generates.
  std::vector<std::string> order;
  const auto append = [&](const std::string& name) {
    if (std::ranges::find(order, name) == order.end()) order.push_back(name);
  };
  for (const config::Model& model : settings_.model_settings) {
    if (!model.file->empty()) append(model.name);
  }
  for (const std::string_view alias : {"fast", "capable"}) {
    const models::Entry* entry = catalogue_.Find(alias);
    if (entry != nullptr && Has(*policy, entry->name.ToString())) append(entry->name.ToString());
  }
  for (const routing::Target& target : policy->targets) {
    if (target.tier == routing::Tier::kDevice && target.generates) append(target.name);
  }
  AddVirtual(*policy, kAuto, order, routing::Tier::kCloud);
  AddVirtual(*policy, kLocal, order, routing::Tier::kEdge);
  AddVirtual(*policy, kDevice, order, routing::Tier::kDevice);
  for (const config::Rule& rule : settings_.rules) policy->rules.push_back(routing::RuleOf(rule));
  for (const routing::VirtualModel& model : policy->virtuals) {
    listed_.push_back({.name = model.name, .created = since_s_});
  }
  policy->hash = routing::HashOf(*policy);
  policy_ = std::move(policy);
}

void PolicySource::AddTarget(routing::Policy& policy, const routing::Declared& declared) {
  policy.targets.push_back(routing::TargetOf(declared));
  if (!policy.targets.back().beyond) return;
  listed_.push_back(
      {.name = *declared.target.name, .created = since_s_, .owner = *declared.backend->name});
  provider_targets_.push_back(ProviderTargetOf(*declared.backend, declared.target));
}

Result<std::string> PolicySource::LocalModel(const std::string& name) {
  const auto policy = Current();
  const auto found = std::ranges::find(policy->virtuals, name, &routing::VirtualModel::name);
  const std::string wanted =
      found != policy->virtuals.end() && !found->targets.empty() ? found->targets.front() : name;
  const auto target = std::ranges::find(policy->targets, wanted, &routing::Target::name);
  if (target != policy->targets.end() && target->backend == kEngineBackend) return target->model;
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
  }
  return listed;
}

const config::Model* PolicySource::SettingsOf(const std::string& model) const {
  const auto found = std::ranges::find(settings_.model_settings, model, &config::Model::name);
  return found == settings_.model_settings.end() ? nullptr : &*found;
}

Result<backends::ModelFile> PolicySource::FileOf(const std::string& model) const {
  const config::Model* settings = SettingsOf(model);
  auto opened = settings != nullptr && !settings->file->empty()
                    ? models::OpenModelFile(*settings->file)
                    : store_.Open(model);
  if (!opened) return std::unexpected(opened.error());
  const auto info = gguf::InspectDescriptor(opened->fd.get());
  if (!info) return std::unexpected(info.error());
  backends::ModelFile file{.files = {opened->path}};
  if (const auto manifest = store_.Resolve(model); manifest && manifest->sha256 == opened->sha256) {
    file.settings.defaults = DefaultsOf(*manifest);
    file.settings.chat_template = manifest->chat_template;
    file.settings.context_tokens = ContextTokensOf(*manifest);
    file.settings.dimensions_min = DimensionsMinOf(*manifest);
  }
  file.settings.max_tokens_default = static_cast<int32_t>(*settings_.limits.output_tokens);
  if (settings != nullptr) {
    if (settings->context.value) file.settings.context_tokens = OrZero(settings->context);
    file.settings.sequences = OrZero(settings->parallel);
    file.settings.batch_tokens = OrZero(settings->batch);
    file.settings.threads = OrZero(settings->threads);
    file.settings.gpu_layers = static_cast<int32_t>(settings->gpu_layers.value.value_or(-1));
  }
  return file;
}

std::vector<std::string> PolicySource::ExtraFiles() const {
  std::vector<std::string> files;
  for (const config::Model& model : settings_.model_settings) {
    if (!model.file->empty()) files.push_back(*model.file);
  }
  return files;
}

}  // namespace weir::app
