// What can be proven about a policy before any request comes: that no label reaches a target above
// its ceiling. Pure.
//
// Two things are checked. First, what the policy itself says: a rule that sends a label, or a
// caller whose label a [[label]] rule fixes, to a target with a lower ceiling can never be carried
// out, so it is a mistake, and named with its path. So is a [[label]] rule for a model none of
// whose targets may get that label. Second, what the decision does: every label,
// tier and flag, and a caller for each rule, through Decide itself; each eligible target must
// permit the label.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chat/label.h"
#include "routing/router.h"

namespace weir::routing {

// A [[label]] rule: requests that match all patterns have at least this label.
struct LabelFloor {
  uint32_t line = 0;
  std::vector<NameIn> match = {};  // one pattern each
  chat::Label label = chat::Label::kPublic;
};

struct PolicyProblem {
  uint32_t line = 0;      // of the configuration; 0: the decision itself
  std::string path = {};  // "label secret -> rule in line 12 -> target big (ceiling public)"
};

struct PolicyProof {
  std::vector<PolicyProblem> problems = {};
  int64_t decisions = 0;  // that were tried
};

inline constexpr int64_t kProofDecisionsMax = 2'000'000;

PolicyProof CheckPolicy(const Policy& policy, const std::vector<LabelFloor>& floors);

}  // namespace weir::routing
