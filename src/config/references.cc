#include "config/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/glob.h"
#include "config/nearest.h"
#include "config/url.h"

namespace weir::config {
namespace {

// Names of one kind; tells who took a name first.
class NameBook {
 public:
  NameBook(std::string_view kind, const FileContext& context) : kind_(kind), context_(context) {}

  void Add(const std::string& name, const Place& place) {
    if (name.empty()) return;  // told already
    const auto [first, fresh] = places_.emplace(name, place);
    if (fresh) return;
    context_.Add(place.line, place.column,
                 fmt::format("{} {} is defined twice, first in line {}", kind_, Quoted(name),
                             first->second.line));
  }
  const Place* Find(const std::string& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? nullptr : &found->second;
  }
  std::vector<std::string_view> Names() const {
    std::vector<std::string_view> names;
    for (const auto& [name, place] : places_) names.push_back(name);
    return names;
  }

 private:
  std::string_view kind_;
  const FileContext& context_;
  std::map<std::string, Place> places_;
};

// Only some servers turn speech into text, and a whisper-server does nothing else.
void CheckTranscription(const Settings& settings, const FileContext& context) {
  for (const Target& target : settings.targets) {
    const auto backend = std::ranges::find_if(
        settings.backends, [&](const Backend& one) { return *one.name == *target.backend; });
    if (backend == settings.backends.end()) continue;  // told already
    const BackendKind kind = *backend->kind;
    const auto refuse = [&](const Place& at, std::string_view what) {
      context.Add(at.line, at.column,
                  fmt::format("{}: backend {} is of kind {}", what, Quoted(*backend->name),
                              BackendKindName(kind)));
    };
    if (kind == BackendKind::kImages)
      refuse(target.backend.place, "a target cannot lie where images are fetched");
    const bool can = kind == BackendKind::kOpenAi || kind == BackendKind::kWhisper;
    if (!can && target.transcription->value_or(false))
      refuse(target.transcription.place,
             "target.transcription takes backends of kind openai or whisper");
    if (kind != BackendKind::kWhisper) continue;
    if (!target.transcription->value_or(true))
      refuse(target.transcription.place, "target.transcription cannot be false");
    for (const Optional<bool>* fact :
         {&target.vision, &target.audio, &target.tools, &target.json_schema, &target.reasoning}) {
      if ((*fact)->value_or(false))
        refuse(fact->place, "a target that only transcribes has no such fact");
    }
  }
}

void CheckTargets(const Settings& settings, const NameBook& backends, const FileContext& context) {
  NameBook targets("target", context);
  for (const Target& target : settings.targets) {
    targets.Add(*target.name, target.name.place);
    const Place& at = target.backend.place;
    if (!target.backend->empty() && backends.Find(*target.backend) == nullptr) {
      context.Add(at.line, at.column,
                  fmt::format("target.backend {} is no backend{}", Quoted(*target.backend),
                              Suggestion(*target.backend, backends.Names())));
    }
  }
  constexpr std::string_view kVirtual[] = {"auto", "local", "device"};
  for (const std::string_view name : kVirtual) {
    if (const Place* at = targets.Find(std::string(name))) {
      context.Add(at->line, at->column,
                  fmt::format("target.name '{}' is a virtual model's; choose another", name));
    }
  }
  for (const Route& route : settings.routes) {
    if (const Place* at = targets.Find(route.name)) {
      context.Add(route.place.line, route.place.column,
                  fmt::format("route {} has the name of the target in line {}; rename one",
                              Quoted(route.name), at->line));
    }
  }
}

void CheckModels(const Settings& settings, const FileContext& context) {
  for (const Model& model : settings.model_settings) {
    if (model.projector->empty() || !model.file->empty()) continue;
    context.Add(model.projector.place.line, model.projector.place.column,
                fmt::format("model.{}.projector goes with a file; a model of the store has its own "
                            "(weir create)",
                            Quoted(model.name)));
  }
}

// Every route once, depth first: a name that stands on the way to itself closes a circle.
class RouteWalk {
 public:
  RouteWalk(const Settings& settings, const FileContext& context) : context_(context) {
    for (const Route& route : settings.routes) routes_.emplace(route.name, &route);
    for (const Target& target : settings.targets) routes_.erase(*target.name);  // told already
  }
  void Run() {
    for (const auto& [name, route] : routes_) Visit(*route);
  }

 private:
  void Visit(const Route& route) {
    if (!visited_.insert(route.name).second) return;
    way_.emplace_back(route.name);
    for (const std::string& name : *route.targets) {
      if (const auto first = std::ranges::find(way_, name); first != way_.end()) {
        Report(route, {first, way_.end()}, name);
      } else if (const auto next = routes_.find(name); next != routes_.end()) {
        Visit(*next->second);
      }
    }
    way_.pop_back();
  }
  void Report(const Route& last, std::vector<std::string_view> circle, std::string_view name) {
    circle.push_back(name);
    context_.Add(last.targets.place.line, last.targets.place.column,
                 fmt::format("route.{}.targets leads back to where it came from: {}", last.name,
                             fmt::join(circle, " -> ")));
  }

  const FileContext& context_;
  std::map<std::string_view, const Route*> routes_ = {};
  std::set<std::string_view> visited_ = {};
  std::vector<std::string_view> way_ = {};
};

// Two servers cannot listen at one place.
void CheckCommands(const Settings& settings, const FileContext& context) {
  std::map<std::string, const Backend*> taken;
  for (const Backend& backend : settings.backends) {
    if (backend.command->empty()) continue;
    const auto place = ParseLoopback(*backend.url);
    if (!place) continue;  // told already
    const auto [first, fresh] = taken.emplace(place->host, &backend);
    if (fresh) continue;
    context.Add(backend.url.place.line, backend.url.place.column,
                fmt::format("backend.url is where the server of backend {} in line {} listens; "
                            "leave the command out here, or choose another port",
                            Quoted(*first->second->name), first->second->place.line));
  }
}

// Whether each name that fits a pattern of `inner` fits one of `outer`. An empty list is everybody.
bool CoversNames(const Names& outer, const Names& inner) {
  if (outer->empty()) return true;
  return !inner->empty() && std::ranges::all_of(*inner, [&](const std::string& narrow) {
    return std::ranges::any_of(*outer,
                               [&](const std::string& wide) { return CoversGlob(wide, narrow); });
  });
}

// The ledger keeps money of its own under such names: of goals, and of keys.
void CheckBudgetNames(const Settings& settings, const FileContext& context) {
  for (const Budget& budget : settings.budgets) {
    for (const std::string_view taken : {"route/", "key/"}) {
      if (!budget.name.starts_with(taken)) continue;
      context.Add(budget.place.line, budget.place.column,
                  fmt::format("budget {} begins with '{}', which the goals of routes and the keys "
                              "have for their own money; choose another name",
                              Quoted(budget.name), taken));
    }
  }
}

// Two budgets that cover the same and say how much of the same: only the smaller would count.
void CheckBudgets(const Settings& settings, const FileContext& context) {
  CheckBudgetNames(settings, context);
  const auto same_cover = [](const Budget& a, const Budget& b) {
    const auto same = [](const Names& left, const Names& right) {
      return CoversNames(left, right) && CoversNames(right, left);
    };
    return *a.currency == *b.currency && same(a.keys, b.keys) && same(a.projects, b.projects) &&
           same(a.tenants, b.tenants) && same(a.users, b.users) && *a.hard == *b.hard;
  };
  const auto report = [&](const Budget& a, const Budget& b, const Optional<int64_t>& in_a,
                          const Optional<int64_t>& in_b, std::string_view window) {
    if (!*in_a || !*in_b) return;
    context.Add(in_b.place.line, in_b.place.column,
                fmt::format("budget.{}.{} overlaps budget.{} in line {}: both cover the same, and "
                            "only the smaller counts; keep one",
                            b.name, window, a.name, in_a.place.line));
  };
  for (size_t i = 0; i < settings.budgets.size(); ++i) {
    for (size_t j = i + 1; j < settings.budgets.size(); ++j) {
      const Budget& a = settings.budgets[i];
      const Budget& b = settings.budgets[j];
      if (!same_cover(a, b)) continue;
      report(a, b, a.per_day, b.per_day, "per_day");
      report(a, b, a.per_week, b.per_week, "per_week");
      report(a, b, a.per_month, b.per_month, "per_month");
      report(a, b, a.total, b.total, "total");
    }
  }
}

}  // namespace

void AddDefaultBackend(Settings& settings) {
  const auto is_engine = [](const Backend& b) { return *b.kind == BackendKind::kEngine; };
  if (std::ranges::any_of(settings.backends, is_engine)) return;
  Backend here;
  here.name.value = "here";
  here.kind.value = BackendKind::kEngine;
  here.tier.value = Tier::kDevice;
  here.ceiling.value = chat::Label::kSecret;
  settings.backends.insert(settings.backends.begin(), std::move(here));
}

void CheckReferences(const Settings& settings, const FileContext& context) {
  NameBook backends("backend", context);
  for (const Backend& backend : settings.backends) {
    backends.Add(*backend.name,
                 backend.name.place.origin == Origin::kFile ? backend.name.place : backend.place);
  }
  NameBook detectors("detector", context);
  for (const Detector& detector : settings.detectors) {
    detectors.Add(*detector.name, detector.name.place);
  }
  CheckTargets(settings, backends, context);
  CheckTranscription(settings, context);
  CheckModels(settings, context);
  RouteWalk(settings, context).Run();
  CheckCommands(settings, context);
  CheckBudgets(settings, context);
}

}  // namespace weir::config
