#include "routing/policy_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/glob.h"

namespace weir::routing {
namespace {

using chat::Label;
constexpr Label kLabels[] = {Label::kPublic, Label::kInternal, Label::kPersonal, Label::kSecret,
                             Label::kUnscanned};

bool IsLiteral(const std::string& pattern) { return pattern.find_first_of("*?") == pattern.npos; }

const NameIn* ConditionOn(const Rule& rule, NameFeature feature) {
  for (const Condition& condition : rule.when) {
    const auto* names = std::get_if<NameIn>(&condition);
    if (names != nullptr && names->feature == feature) return names;
  }
  return nullptr;
}

// Whether every request for which the rule holds also matches the floor.
bool Implies(const Rule& rule, const LabelFloor& floor) {
  return std::ranges::all_of(floor.match, [&](const NameIn& wanted) {
    const NameIn* names = ConditionOn(rule, wanted.feature);
    return names != nullptr && std::ranges::all_of(names->patterns, [&](const std::string& name) {
             return CoversGlob(wanted.patterns.front(), name);
           });
  });
}

struct SentLabel {
  Label label = Label::kPublic;
  std::string why = {};
};

// The labels that a rule is known to be about: those that it names, or the floor of its callers.
std::vector<SentLabel> LabelsOf(const Rule& rule, const std::vector<LabelFloor>& floors) {
  SentLabel least;
  for (const LabelFloor& floor : floors) {
    const bool higher = chat::Join(least.label, floor.label) != least.label;
    if (higher && Implies(rule, floor)) {
      least = {floor.label, fmt::format("label rule in line {} -> ", floor.line)};
    }
  }
  const NameIn* named = ConditionOn(rule, NameFeature::kLabel);
  if (named == nullptr) return {least};
  std::vector<SentLabel> labels;
  for (const Label label : kLabels) {
    const bool matches = std::ranges::any_of(named->patterns, [label](const auto& pattern) {
      return MatchesGlob(pattern, chat::LabelName(label));
    });
    if (matches && chat::Rank(label) >= chat::Rank(least.label))
      labels.push_back({label, least.why});
  }
  return labels;
}

// The targets that a rule's `use` names, however deep.
std::vector<const Target*> UsedBy(const Policy& policy, const Rule& rule) {
  std::vector<const Target*> used;
  for (const std::string& name : rule.use) {
    const auto resolved = Resolve(policy, name);
    if (!resolved) continue;
    for (const Target* target : resolved->targets) {
      if (target->tier <= resolved->tier_max) used.push_back(target);
    }
  }
  return used;
}

void CheckRules(const Policy& policy, const std::vector<LabelFloor>& floors, PolicyProof& proof) {
  for (const Rule& rule : policy.rules) {
    const std::vector<SentLabel> labels = LabelsOf(rule, floors);
    for (const Target* target : UsedBy(policy, rule)) {
      for (const SentLabel& sent : labels) {
        if (chat::Permits(target->ceiling, sent.label)) continue;
        proof.problems.push_back(
            {rule.line,
             fmt::format("{}label {} -> rule in line {} -> target {} (backend {}, ceiling {})",
                         sent.why, chat::LabelName(sent.label), rule.line, target->name,
                         target->backend, chat::LabelName(target->ceiling))});
      }
    }
  }
}

// A model whose requests all have a label that none of its targets may get answers nobody. One of a
// pattern may be meant so: the rule is about the others.
void CheckModels(const Policy& policy, const std::vector<LabelFloor>& floors, PolicyProof& proof) {
  for (const LabelFloor& floor : floors) {
    if (floor.match.size() != 1 || floor.match.front().feature != NameFeature::kModel) continue;
    const std::string& model = floor.match.front().patterns.front();
    const auto resolved = IsLiteral(model) ? Resolve(policy, model) : std::nullopt;
    const auto may_have = [&floor](const Target* target) {
      return chat::Permits(target->ceiling, floor.label);
    };
    // What is missing here is a model of this machine, which may have every label.
    if (!resolved || !resolved->missing.empty() || std::ranges::any_of(resolved->targets, may_have))
      continue;
    for (const Target* target : resolved->targets) {
      proof.problems.push_back(
          {floor.line,
           fmt::format("label {} of the label rule in line {} -> model {} -> target {} (backend "
                       "{}, ceiling {})",
                       chat::LabelName(floor.label), floor.line, model, target->name,
                       target->backend, chat::LabelName(target->ceiling))});
    }
  }
}

void SetName(Features& features, NameFeature feature, const std::string& name) {
  switch (feature) {
    case NameFeature::kProject:
      features.project = name;
      break;
    case NameFeature::kKey:
      features.key = name;
      break;
    case NameFeature::kTenant:
      features.tenant = name;
      break;
    case NameFeature::kUser:
      features.user = name;
      break;
    case NameFeature::kLanguage:
      if (const auto* known = std::ranges::find(kLanguages, name); known != std::end(kLanguages)) {
        features.language = *known;
      }
      break;
    default:
      break;
  }
}

// Somebody for whom the rule's conditions on names hold, with a name for each pattern in turn.
std::vector<Features> CallersOf(const Policy& policy) {
  std::vector<Features> callers = {Features()};
  for (const Rule& rule : policy.rules) {
    Features caller;
    for (const Condition& condition : rule.when) {
      const auto* names = std::get_if<NameIn>(&condition);
      if (names == nullptr || names->patterns.empty()) continue;
      std::string name = names->patterns.front();
      std::ranges::replace(name, '*', 'x');
      std::ranges::replace(name, '?', 'x');
      SetName(caller, names->feature, name);
    }
    callers.push_back(std::move(caller));
  }
  return callers;
}

std::set<std::string> ModelsOf(const Policy& policy) {
  std::set<std::string> models;
  for (const Target& target : policy.targets) models.insert(target.name);
  for (const VirtualModel& model : policy.virtuals) models.insert(model.name);
  return models;
}

void SetFlags(Features& features, int flags) {
  features.images = (flags & 1) != 0;
  features.audio = (flags & 2) != 0;
  features.tools = (flags & 4) != 0;
  features.json_schema = (flags & 8) != 0;
  features.reasoning = (flags & 16) != 0;
  features.online = (flags & 32) != 0;
}

void CheckOne(const Policy& policy, const std::string& model, const Features& features,
              PolicyProof& proof) {
  ++proof.decisions;
  const auto decision = Decide(policy, model, features);
  if (!decision) return;
  for (const Target& target : decision->eligible) {
    if (chat::Permits(target.ceiling, features.label)) continue;
    proof.problems.push_back({0, fmt::format("label {} -> model {} -> target {} (ceiling {})",
                                             chat::LabelName(features.label), model, target.name,
                                             chat::LabelName(target.ceiling))});
  }
}

void CheckDecisions(const Policy& policy, PolicyProof& proof) {
  constexpr int kFlagSets = 64;
  for (Features caller : CallersOf(policy)) {
    for (const std::string& model : ModelsOf(policy)) {
      for (const Label label : kLabels) {
        caller.label = label;
        for (int flags = 0; flags < kFlagSets; ++flags) {
          if (proof.decisions >= kProofDecisionsMax || !proof.problems.empty()) return;
          SetFlags(caller, flags);
          CheckOne(policy, model, caller, proof);
        }
      }
    }
  }
}

}  // namespace

PolicyProof CheckPolicy(const Policy& policy, const std::vector<LabelFloor>& floors) {
  PolicyProof proof;
  CheckRules(policy, floors, proof);
  CheckModels(policy, floors, proof);
  CheckDecisions(policy, proof);
  return proof;
}

}  // namespace weir::routing
