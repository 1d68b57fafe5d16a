// Model name and features in, Decision out. Pure; no I/O, no clock. The policy is immutable while
// it is used: a reload makes a new Policy.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "routing/decision.h"
#include "routing/rule.h"
#include "routing/target.h"

namespace weir::routing {

inline constexpr int kVirtualDepthMax = 4;      // of names that stand for names
inline constexpr size_t kCandidatesMax = 1024;  // of one decision

struct Policy {
  std::vector<Target> targets = {};         // unique names
  std::vector<VirtualModel> virtuals = {};  // unique names, none equal to a target's
  std::vector<Rule> rules = {};             // in the order of the file
  Energy energy = {};                       // of this machine
  std::string hash = {};                    // policy_hash.h; whoever builds the policy sets it
};

// How a target is doing at this moment; part of the inputs of a decision.
struct TargetNow {
  uint32_t failed = 0;  // of the Filter bits kBreakerOpen, kRetired and kOffline
  Speed speed = {};
  TokenPrices prices = {};
};
using StateOf = std::function<TargetNow(const Target& target)>;

// The eligible targets for `model` in order of preference. The first rule that holds and names
// targets replaces those of a virtual model, and restricts a model that was asked for by name; the
// regions of all rules that hold must contain a target's.
//
// With a deadline, who is not expected to answer in time is passed over where somebody else is
// (expected seconds are guesses); where nobody is, the soonest comes first.
//
// Errors: kNotFound (reason model_not_found, with near names) for a name that is neither target nor
// virtual model; kForbidden (label_exceeds_ceiling, policy_forbids with the rule) when the label or
// the policy alone rules out every target; kUnavailable when what is left is offline or failing;
// kInvalidArgument (wrong_task) when it asks an embedding model to generate or the reverse;
// kUnprocessable naming the filters otherwise. Never a target that fails a filter.
// `refused`, if given, is what was considered then, with nobody eligible.
Result<Decision> Decide(const Policy& policy, std::string_view model, const Features& features,
                        const StateOf& state_of = {}, Decision* refused = nullptr);

// Whether a target lies in one of the regions that a rule names; one of no known region does in
// "local" at most.
bool IsIn(const Target& target, const std::vector<std::string>& regions);

// The bits of `target` that the request fails, rules and state aside.
uint32_t FailedFilters(const Target& target, const Features& features);

// The targets that a name stands for, each once, in order; nothing for an unknown name.
struct Candidates {
  std::vector<const Target*> targets = {};
  std::vector<std::string> missing = {};  // named, but not there
  Tier tier_max = Tier::kCloud;
  bool is_virtual = false;
};
std::optional<Candidates> Resolve(const Policy& policy, std::string_view model);

}  // namespace weir::routing
