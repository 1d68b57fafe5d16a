#include "policy/whole_policy.h"

#include <algorithm>
#include <utility>

#include "gguf/inspect.h"
#include "routing/policy_hash.h"

namespace weir::policy {
namespace {

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

Use UseOfInfo(const Result<gguf::Info>& info) {
  if (info && info->capabilities.embedding) return Use::kEmbed;
  return info && info->capabilities.rerank ? Use::kRank : Use::kGenerate;
}

// What was measured of a file holds for the model while nothing else shapes its answers.
std::string FileOfPlain(const models::Manifest& manifest) {
  const bool plain = manifest.adapters.empty() && manifest.chat_template.empty() &&
                     manifest.system.empty() && manifest.turns.empty() &&
                     manifest.parameters.empty();
  return plain ? manifest.sha256 : "";
}

void AddLocal(Whole& whole, const std::string& name, std::string file_sha256, Use use, bool sees) {
  const bool generates = use == Use::kGenerate;
  whole.local.push_back(name);
  whole.policy.targets.push_back({.name = name,
                                  .backend = std::string(kEngineBackend),
                                  .model = name,
                                  .file_sha256 = std::move(file_sha256),
                                  .tier = routing::Tier::kDevice,
                                  .ceiling = chat::Label::kSecret,
                                  .region = std::string(routing::kLocalRegion),
                                  .generates = generates,
                                  .embeds = use != Use::kRank,
                                  .ranks = use == Use::kRank,
                                  .vision = generates && sees,
                                  .tools = generates,
                                  .json_schema = generates});
}

void AddTargets(Whole& whole, const config::Settings& settings, const models::Listing& listing,
                const UseOf& use) {
  for (const config::Model& model : settings.model_settings) {
    if (model.file->empty()) continue;
    const auto info = gguf::InspectFile(*model.file);
    AddLocal(whole, model.name, /*file_sha256=*/"", UseOfInfo(info), !model.projector->empty());
  }
  for (const models::Manifest& manifest : listing.models) {
    AddLocal(whole, manifest.name.ToString(), FileOfPlain(manifest), use(manifest),
             manifest.projector.has_value());
  }
  for (const routing::Declared& declared : routing::DeclaredTargets(settings)) {
    if (Has(whole.policy, *declared.target.name)) continue;
    whole.policy.targets.push_back(routing::TargetOf(declared));
    if (whole.policy.targets.back().beyond) whole.beyond.push_back(declared);
  }
}

// Names for models of the store: the catalogue's aliases, and names without their tag.
void AddNames(routing::Policy& policy, const models::Listing& listing,
              const models::Catalogue& catalogue) {
  for (const models::Entry& entry : catalogue.entries()) {
    for (const std::string& alias : entry.aliases) {
      if (Has(policy, entry.name.ToString())) {
        AddVirtual(policy, alias, {entry.name.ToString()}, routing::Tier::kDevice);
      }
    }
  }
  std::map<std::string, int> tags;  // how many of each model
  for (const models::Manifest& manifest : listing.models) ++tags[manifest.name.model];
  for (const models::Manifest& manifest : listing.models) {
    if (tags[manifest.name.model] == 1) {
      AddVirtual(policy, manifest.name.model, {manifest.name.ToString()}, routing::Tier::kDevice);
    }
  }
}

// Without a word from the operator: the model of -m, then fast, then capable, then whatever
// generates.
std::vector<std::string> UsualOrder(const routing::Policy& policy, const config::Settings& settings,
                                    const models::Catalogue& catalogue) {
  std::vector<std::string> order;
  const auto append = [&](const std::string& name) {
    if (std::ranges::find(order, name) == order.end()) order.push_back(name);
  };
  for (const config::Model& model : settings.model_settings) {
    if (!model.file->empty()) append(model.name);
  }
  for (const std::string_view alias : {"fast", "capable"}) {
    const models::Entry* entry = catalogue.Find(alias);
    if (entry != nullptr && Has(policy, entry->name.ToString())) append(entry->name.ToString());
  }
  for (const routing::Target& target : policy.targets) {
    if (target.tier == routing::Tier::kDevice && target.generates) append(target.name);
  }
  return order;
}

}  // namespace

Whole WholePolicy(const config::Settings& settings, const models::Listing& listing,
                  const models::Catalogue& catalogue, const UseOf& use) {
  Whole whole;
  routing::Policy& policy = whole.policy;
  AddTargets(whole, settings, listing, use);
  for (const config::Route& route : settings.routes) {
    if (!Has(policy, route.name)) policy.virtuals.push_back(routing::VirtualOf(route));
  }
  AddNames(policy, listing, catalogue);
  const std::vector<std::string> order = UsualOrder(policy, settings, catalogue);
  AddVirtual(policy, kAuto, order, routing::Tier::kCloud);
  AddVirtual(policy, kLocal, order, routing::Tier::kEdge);
  AddVirtual(policy, kDevice, order, routing::Tier::kDevice);
  const auto ranks = std::ranges::find_if(policy.targets, &routing::Target::ranks);
  if (ranks != policy.targets.end()) {
    AddVirtual(policy, routing::kReranker, {ranks->name}, routing::Tier::kDevice);
  }
  for (const config::Rule& rule : settings.rules) policy.rules.push_back(routing::RuleOf(rule));
  policy.energy = routing::EnergyOf(settings);
  policy.hash = routing::HashOf(policy);
  return whole;
}

FileFacts FactsOf(const Result<gguf::Info>& info) {
  if (!info) return {};
  return {.use = UseOfInfo(info),
          .family = info->architecture,
          .parameters = info->parameters,
          .quantisation = info->quantisation};
}

FileFacts FactsByFile(const models::Store& store, const models::Manifest& manifest) {
  const auto opened = store.Open(manifest.name.ToString());
  if (!opened) return {};
  return FactsOf(gguf::InspectDescriptor(opened->fd.get()));
}

std::vector<privacy::LabelRule> LabelRulesOf(const config::Settings& settings) {
  std::vector<privacy::LabelRule> rules;
  for (const config::LabelRule& rule : settings.labels) {
    rules.push_back({.line = rule.place.line,
                     .project = *rule.project,
                     .key = *rule.key,
                     .tenant = *rule.tenant,
                     .user = *rule.user,
                     .model = *rule.model,
                     .label = *rule.label});
  }
  return rules;
}

std::map<std::string, ledger::Price> TargetPricesOf(const config::Settings& settings,
                                                    const ledger::PriceList& prices) {
  std::map<std::string, ledger::Price> found;
  for (const routing::Declared& declared : routing::DeclaredTargets(settings)) {
    if (auto price = prices.Find(*declared.backend, declared.target)) {
      found[*declared.target.name] = std::move(*price);
    }
  }
  return found;
}

}  // namespace weir::policy
