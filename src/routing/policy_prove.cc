#include "routing/policy_prove.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

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
    if (rule.use.empty()) continue;  // regions only take targets away
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

// What was found of one label.
class Findings {
 public:
  explicit Findings(chat::Label label) : label_(label) {}

  void Add(const Decision& decision, const std::string& way, ReachProof& proof) {
    for (const Target& target : decision.eligible) {
      const auto [place, fresh] = ways_.try_emplace(
          target.name, fmt::format("model {}{} -> target {}", decision.asked, way, target.name));
      if (!fresh || chat::Permits(target.ceiling, label_)) continue;
      if (proof.violations.size() < kViolationsMax) {
        proof.violations.push_back(fmt::format("label {} -> {} (ceiling {})",
                                               chat::LabelName(label_), place->second,
                                               chat::LabelName(target.ceiling)));
      }
    }
  }
  Reach Taken(const Policy& policy) const {
    Reach reach{.label = label_};
    for (const Target& target : policy.targets) {
      const auto found = ways_.find(target.name);
      const bool is_reached = found != ways_.end();
      (is_reached ? reach.reached : reach.never)
          .push_back({target.name, target.ceiling, is_reached ? found->second : ""});
    }
    return reach;
  }

 private:
  chat::Label label_;
  std::map<std::string, std::string> ways_ = {};  // by target
};

}  // namespace

ReachProof Prove(const Policy& policy, const DecideBy& decide) {
  ReachProof proof;
  const std::vector<Ruled> ruled = ByRule(policy);
  const std::set<std::string> names = NamesOf(policy);
  for (const chat::Label label : kAllLabels) {
    Findings findings(label);
    for (const Ruled& one : ruled) {
      for (const std::string& name : names) {
        for (const Task task : {Task::kGenerate, Task::kEmbed, Task::kScore}) {
          for (const Tier tier : {Tier::kDevice, Tier::kEdge, Tier::kCloud}) {
            if (proof.decisions >= kReachDecisionsMax) {
              proof.complete = false;
              continue;
            }
            ++proof.decisions;
            const auto decision =
                decide(one.policy, name, {.task = task, .label = label, .tier_max = tier});
            if (decision) findings.Add(*decision, one.way, proof);
          }
        }
      }
    }
    proof.labels.push_back(findings.Taken(policy));
  }
  return proof;
}

ReachProof Prove(const Policy& policy) {
  return Prove(policy, [](const Policy& by, std::string_view model, const Features& features) {
    return Decide(by, model, features);
  });
}

}  // namespace weir::routing
