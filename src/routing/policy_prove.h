// The proof that no label reaches a target above its ceiling, by trying everything that can matter:
// each label, each name that a client may ask for, each rule as the one that holds (and none), each
// highest tier. For every label it says which targets can be reached at all, and by which way.
// The same for every rule that keeps requests in regions: with it, whatever other rule decides
// besides, no target of another region is reached.
//
// That is all there is to try. Of the rules that hold the first with `use` decides which targets
// are left; each is tried by itself, without its conditions, so that whatever they ask for is
// covered. Everything else that a request can be or have (images, tools, length, region, deadline)
// and every state of a target only takes targets away: a bit more in Considered::failed.
//
// Pure. CheckPolicy (policy_check.h) finds the rules that contradict a ceiling, and so can never be
// carried out; this shows that they are not.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "chat/label.h"
#include "routing/router.h"

namespace weir::routing {

inline constexpr chat::Label kAllLabels[] = {chat::Label::kPublic, chat::Label::kInternal,
                                             chat::Label::kPersonal, chat::Label::kSecret,
                                             chat::Label::kUnscanned};

struct Reached {
  std::string target = {};
  chat::Label ceiling = chat::Label::kSecret;
  std::string region = {};  // as a person calls it: "eu", "local", "unknown"
  std::string way = {};     // the first: "model auto -> rule in line 12 -> target big"
};

struct Reach {
  chat::Label label = chat::Label::kPublic;
  std::vector<Reached> reached = {};
  std::vector<Reached> never = {};  // without a way
};

// Of the requests that a rule keeps in regions.
struct RegionReach {
  uint32_t line = 0;
  std::vector<std::string> regions = {};
  std::vector<Reached> reached = {};
  std::vector<Reached> never = {};
};

struct ReachProof {
  std::vector<Reach> labels = {};         // one for each of kAllLabels
  std::vector<RegionReach> regions = {};  // one for each rule with regions
  std::vector<std::string> violations =
      {};  // "label secret -> model auto -> target big (ceiling ...)"
  int64_t decisions = 0;
  bool complete = true;  // false: there were more than kReachDecisionsMax

  bool proved() const { return complete && violations.empty(); }
};

inline constexpr int64_t kReachDecisionsMax = 2'000'000;
inline constexpr size_t kViolationsMax = 20;

// `decide` is what the gateway decides by.
using DecideBy = std::function<Result<Decision>(const Policy& policy, std::string_view model,
                                                const Features& features)>;
ReachProof Prove(const Policy& policy, const DecideBy& decide);
ReachProof Prove(const Policy& policy);

}  // namespace weir::routing
