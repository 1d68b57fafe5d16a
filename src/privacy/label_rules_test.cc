#include "privacy/label_rules.h"

#include <gtest/gtest.h>

namespace weir::privacy {
namespace {

using chat::Label;

TEST(LabelRules, TheHighestOfAllThatMatchWins) {
  const LabelRule rules[] = {{.line = 1, .project = "h*", .label = Label::kPersonal},
                             {.line = 2, .project = "hr", .label = Label::kInternal},
                             {.line = 3, .project = "law", .label = Label::kSecret}};
  const auto found = LabelByRules(rules, {.project = "hr"}, "auto");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->label, Label::kPersonal);
  EXPECT_EQ(found->line, 1u);
  EXPECT_FALSE(LabelByRules(rules, {.project = "it"}, "auto"));
}

TEST(LabelRules, EveryConditionOfARuleMustHold) {
  const LabelRule rule{.key = "team-*", .tenant = "main", .user = "ann", .model = "auto"};
  const chat::Principal ann{.key_name = "team-a", .tenant = "main", .user = "ann"};
  EXPECT_TRUE(Matches(rule, ann, "auto"));
  EXPECT_FALSE(Matches(rule, ann, "fast"));
  chat::Principal other = ann;
  other.key_name = "solo";
  EXPECT_FALSE(Matches(rule, other, "auto"));
}

}  // namespace
}  // namespace weir::privacy
