#include "routing/policy_hash.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <vector>

namespace weir::routing {
namespace {

Policy Example() {
  Policy policy;
  policy.targets = {{.name = "a", .backend = "here"}, {.name = "b", .tier = Tier::kCloud}};
  policy.virtuals = {{.name = "auto", .targets = {"a", "b"}}};
  policy.rules = {{.line = 3, .when = {FlagIs{}}, .use = {"b"}}};
  return policy;
}

TEST(PolicyHash, SameFieldsSameHashWhereverTheRuleStands) {
  Policy moved = Example();
  moved.rules[0].line = 7;
  EXPECT_EQ(HashOf(Example()), HashOf(moved));
  EXPECT_EQ(HashOf(Example()).size(), 16u);
}

TEST(PolicyHash, EveryChangeChangesIt) {
  const std::vector<std::function<void(Policy&)>> changes = {
      [](Policy& p) { p.targets[0].name = "c"; },
      [](Policy& p) { p.targets[1].ceiling = chat::Label::kPublic; },
      [](Policy& p) { p.targets[1].tier = Tier::kEdge; },
      [](Policy& p) { p.targets[0].context_tokens = 0; },
      [](Policy& p) { p.targets[0].vision = true; },
      [](Policy& p) { p.targets[0].online = false; },
      [](Policy& p) { p.targets.pop_back(); },
      [](Policy& p) { std::swap(p.virtuals[0].targets[0], p.virtuals[0].targets[1]); },
      [](Policy& p) { p.virtuals[0].targets = {"ab"}; },
      [](Policy& p) { p.virtuals[0].confidence_min = 1; },
      [](Policy& p) { p.virtuals[0].buffer = true; },
      [](Policy& p) { p.virtuals[0].goal.cloud_share_max = 0; },
      [](Policy& p) { p.virtuals[0].goal.quality_min = 0; },
      [](Policy& p) { p.virtuals[0].goal.cost_per_day_max = CostPerDay{0, "USD"}; },
      [](Policy& p) { p.virtuals[0].goal.cost_per_day_max = CostPerDay{0, "EUR"}; },
      [](Policy& p) { p.rules[0].when = {FlagIs{.is = false}}; },
      [](Policy& p) { p.rules[0].when = {NameIn{.patterns = {"x"}}}; },
      [](Policy& p) { p.rules[0].regions = {"b"}; },
      [](Policy& p) { p.rules.push_back(p.rules[0]); },
  };
  std::set<std::string> seen = {HashOf(Example())};
  for (const auto& change : changes) {
    Policy policy = Example();
    change(policy);
    EXPECT_TRUE(seen.insert(HashOf(policy)).second) << "change " << seen.size();
  }
}

}  // namespace
}  // namespace weir::routing
