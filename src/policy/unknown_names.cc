#include "policy/unknown_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "base/glob.h"
#include "config/load.h"
#include "config/nearest.h"
#include "models/found.h"
#include "policy/whole_policy.h"

namespace weir::policy {
namespace {

class Known {
 public:
  Known(const config::Settings& settings, const models::Listing& listing,
        const models::Catalogue& catalogue)
      : catalogue_(catalogue) {
    const auto generates = [](const models::Manifest&) { return Use::kGenerate; };
    const routing::Policy policy = WholePolicy(settings, listing, catalogue, generates).policy;
    for (const routing::Target& target : policy.targets) names_.insert(target.name);
    for (const routing::VirtualModel& model : policy.virtuals) names_.insert(model.name);
    names_.emplace(routing::kReranker);
    for (const models::Entry& entry : catalogue.entries()) {
      names_.insert(entry.name.ToString());
      names_.insert(entry.aliases.begin(), entry.aliases.end());
    }
  }

  bool Has(const std::string& name) const {
    return names_.contains(name) || catalogue_.Find(name) != nullptr;
  }
  bool HasOneLike(const std::string& pattern) const {
    return Has(pattern) || std::ranges::any_of(names_, [&](const std::string& name) {
             return MatchesGlob(pattern, name);
           });
  }
  std::string Suggestion(const std::string& name) const {
    const std::vector<std::string_view> all(names_.begin(), names_.end());
    const auto nearest = config::Nearest(name, all);
    return nearest ? fmt::format("; did you mean '{}'?", *nearest) : "";
  }

 private:
  const models::Catalogue& catalogue_;
  std::set<std::string> names_ = {};
};

class Notes {
 public:
  Notes(const config::Settings& settings, const Known& known)
      : settings_(settings), known_(known) {}

  void AddTargets(const config::Names& names, std::string_view key) {
    for (const std::string& name : *names) {
      if (known_.Has(name)) continue;
      Add(names.place, key, name,
          "is no target, no route, and no model that is here or in the catalogue",
          known_.Suggestion(name));
    }
  }
  void AddModel(const std::string& pattern, const config::Place& at, std::string_view key) {
    if (pattern.empty() || known_.HasOneLike(pattern)) return;
    Add(at, key, pattern, "fits no model that a request can ask for here",
        known_.Suggestion(pattern));
  }
  void AddRegions(const config::Names& names) {
    std::vector<std::string_view> regions = {routing::kLocalRegion};
    for (const config::Backend& backend : settings_.backends) {
      if (!backend.region->empty()) regions.push_back(*backend.region);
    }
    for (const std::string& name : *names) {
      if (std::ranges::find(regions, name) != regions.end()) continue;
      Add(names.place, "rule.regions", name, "is the region of no backend",
          config::Suggestion(name, regions));
    }
  }
  std::vector<std::string> Take() && { return std::move(lines_); }

 private:
  void Add(const config::Place& at, std::string_view key, const std::string& name,
           std::string_view what, std::string_view suggestion) {
    lines_.push_back(fmt::format("{}:{}:{}: {} {} {}{}", settings_.file, at.line, at.column, key,
                                 config::Quoted(name), what, suggestion));
  }

  const config::Settings& settings_;
  const Known& known_;
  std::vector<std::string> lines_ = {};
};

void AddRule(const config::Rule& rule, Notes& notes) {
  notes.AddTargets(rule.use, "rule.use");
  notes.AddRegions(rule.regions);
  for (const config::Condition& condition : rule.when) {
    if (condition.feature != "model") continue;
    for (const std::string& pattern : std::get<std::vector<std::string>>(condition.is)) {
      notes.AddModel(pattern, condition.place, "rule.when.model");
    }
  }
}

}  // namespace

std::vector<std::string> UnknownNames(const config::Settings& settings,
                                      const models::Listing& listing,
                                      const models::Catalogue& catalogue) {
  const Known known(settings, listing, catalogue);
  Notes notes(settings, known);
  for (const config::Route& route : settings.routes) {
    notes.AddTargets(route.targets, fmt::format("route.{}.targets", route.name));
  }
  for (const config::Rule& rule : settings.rules) AddRule(rule, notes);
  for (const config::LabelRule& rule : settings.labels) {
    notes.AddModel(*rule.model, rule.model.place, "label.match.model");
  }
  return std::move(notes).Take();
}

std::vector<std::string> UnknownNames(const config::Settings& settings) {
  const models::Store store(*settings.models, models::Places::Of(config::ProcessVariable));
  return UnknownNames(settings, store.List(), models::Catalogue::BuiltIn());
}

}  // namespace weir::policy
