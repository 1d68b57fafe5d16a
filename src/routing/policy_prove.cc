#include "routing/policy_prove.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <set>
#include <utility>

namespace weir::routing {
namespace {

// The policy as it is where this rule is the one that holds; without one, where none does.
struct Ruled {
  Policy policy = {};
  std::string way = {};  // " -> rule in line 12"
};

std::vector<Ruled> ByRule(const Policy& policy) {
  Policy bare = policy;
  bare.rules.clear();
  std::vector<Ruled> ruled = {{bare, ""}};
  for (const Rule& rule : policy.rules) {
    if (rule.use.empty()) continue;  // regions only take targets away; see ProveRegions
    Ruled one{bare, fmt::format(" -> rule in line {}", rule.line)};
    one.policy.rules = {{.line = rule.line, .use = rule.use}};
    ruled.push_back(std::move(one));
  }
  return ruled;
}

std::set<std::string> NamesOf(const Policy& policy) {
  std::set<std::string> names;
  for (const Target& target : policy.targets) names.insert(target.name);
  for (const VirtualModel& model : policy.virtuals) names.insert(model.name);
  return names;
}

std::string RegionOf(const Target& target) {
  if (!target.region.empty()) return target.region;
  return target.tier < Tier::kCloud ? std::string(kLocalRegion) : "unknown";
}

// What was found of one kind of request: all of a label, or all that a rule keeps in regions.
class Findings {
 public:
  // `kind` is how a violation begins, `may` says whether a target may be reached, `why` what it has
  // that it must not have.
  Findings(std::string kind, std::function<bool(const Target&)> may,
           std::function<std::string(const Target&)> why)
      : kind_(std::move(kind)), may_(std::move(may)), why_(std::move(why)) {}

  void Add(const Decision& decision, const std::string& way, ReachProof& proof) {
    for (const Target& target : decision.eligible) {
      const auto [place, fresh] = ways_.try_emplace(
          target.name, fmt::format("model {}{} -> target {}", decision.asked, way, target.name));
      if (!fresh || may_(target)) continue;
      if (proof.violations.size() < kViolationsMax) {
        proof.violations.push_back(
            fmt::format("{} -> {} ({})", kind_, place->second, why_(target)));
      }
    }
  }
  template <class Kind>
  void Take(const Policy& policy, Kind& kind) const {
    for (const Target& target : policy.targets) {
      const auto found = ways_.find(target.name);
      const bool is_reached = found != ways_.end();
      (is_reached ? kind.reached : kind.never)
          .push_back(
              {target.name, target.ceiling, RegionOf(target), is_reached ? found->second : ""});
    }
  }

 private:
  std::string kind_;
  std::function<bool(const Target&)> may_;
  std::function<std::string(const Target&)> why_;
  std::map<std::string, std::string> ways_ = {};  // by target
};

// Every decision of requests with this label, by each of the policies.
void Try(const std::vector<Ruled>& ruled, const DecideBy& decide, chat::Label label,
         Findings& findings, ReachProof& proof) {
  const std::set<std::string> names = NamesOf(ruled.front().policy);
  for (const Ruled& one : ruled) {
    for (const std::string& name : names) {
      for (int task = 0; task < kTaskCount; ++task) {
        for (const Tier tier : {Tier::kDevice, Tier::kEdge, Tier::kCloud}) {
          if (proof.decisions >= kReachDecisionsMax) {
            proof.complete = false;
            return;
          }
          ++proof.decisions;
          const Features features{
              .task = static_cast<Task>(task), .label = label, .tier_max = tier};
          const auto decision = decide(one.policy, name, features);
          if (decision) findings.Add(*decision, one.way, proof);
        }
      }
    }
  }
}

// A label takes targets away, so requests of the lowest reach most.
RegionReach ProveRegions(const Policy& policy, const Rule& rule, std::vector<Ruled> ruled,
                         const DecideBy& decide, ReachProof& proof) {
  for (Ruled& one : ruled) {
    one.policy.rules.push_back({.line = rule.line, .regions = rule.regions});
  }
  Findings findings(
      fmt::format("rule in line {} (regions {})", rule.line, fmt::join(rule.regions, ", ")),
      [&rule](const Target& target) { return IsIn(target, rule.regions); },
      [](const Target& target) { return fmt::format("region {}", RegionOf(target)); });
  Try(ruled, decide, chat::Label::kPublic, findings, proof);
  RegionReach reach{.line = rule.line, .regions = rule.regions};
  findings.Take(policy, reach);
  return reach;
}

}  // namespace

ReachProof Prove(const Policy& policy, const DecideBy& decide) {
  ReachProof proof;
  const std::vector<Ruled> ruled = ByRule(policy);
  for (const chat::Label label : kAllLabels) {
    Findings findings(
        fmt::format("label {}", chat::LabelName(label)),
        [label](const Target& target) { return chat::Permits(target.ceiling, label); },
        [](const Target& target) {
          return fmt::format("ceiling {}", chat::LabelName(target.ceiling));
        });
    Try(ruled, decide, label, findings, proof);
    Reach reach{.label = label};
    findings.Take(policy, reach);
    proof.labels.push_back(std::move(reach));
  }
  for (const Rule& rule : policy.rules) {
    if (rule.regions.empty()) continue;
    proof.regions.push_back(ProveRegions(policy, rule, ruled, decide, proof));
  }
  return proof;
}

ReachProof Prove(const Policy& policy) {
  return Prove(policy, [](const Policy& by, std::string_view model, const Features& features) {
    return Decide(by, model, features);
  });
}

}  // namespace weir::routing
