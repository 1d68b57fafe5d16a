#include "routing/rule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/router.h"

namespace weir::routing {
namespace {

using chat::Label;

Policy Regional() {
  return {.targets =
              {{.name = "fast", .region = "local"},
               {.name = "eu", .tier = Tier::kCloud, .region = "eu", .vision = true, .beyond = true},
               {.name = "us", .tier = Tier::kCloud, .region = "us", .beyond = true},
               {.name = "nowhere", .tier = Tier::kCloud, .beyond = true}},
          .virtuals = {{.name = "auto", .targets = {"us", "eu", "nowhere", "fast"}}}};
}

std::vector<std::string> Eligible(const Policy& policy, std::string_view model,
                                  const Features& features, const StateOf& state = {}) {
  const auto decision = Decide(policy, model, features, state);
  std::vector<std::string> names;
  if (!decision) return {decision.error().reason};
  for (const Target& target : decision->eligible) names.push_back(target.name);
  return names;
}

TEST(Rule, RegionsLeaveWhatLiesInThem) {
  Policy policy = Regional();
  policy.rules = {
      {.line = 3, .when = {NameIn{NameFeature::kProject, {"hr"}}}, .regions = {"eu", "local"}}};
  const Features hr{.label = Label::kPublic, .project = "hr"};
  EXPECT_EQ(Eligible(policy, "auto", hr), (std::vector<std::string>{"eu", "fast"}));
  EXPECT_EQ(Eligible(policy, "auto", {.label = Label::kPublic}).size(), 4u);
  // A region that nobody declared is none.
  const auto refused = Decide(policy, "nowhere", hr);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "policy_forbids");
  EXPECT_NE(refused.error().message.find("line 3"), std::string::npos);
}

TEST(Rule, UseReplacesTheTargetsOfAVirtualModelInItsOrder) {
  Policy policy = Regional();
  policy.rules = {{.when = {FlagIs{FlagFeature::kImages, true}}, .use = {"eu", "us"}}};
  EXPECT_EQ(Eligible(policy, "auto", {.label = Label::kPublic, .images = true}),
            (std::vector<std::string>{"eu"}));  // the other one cannot see
  policy.rules = {{.when = {NameIn{NameFeature::kModel, {"a*"}}}, .use = {"fast", "us"}}};
  EXPECT_EQ(Eligible(policy, "auto", {.label = Label::kPublic}),
            (std::vector<std::string>{"fast", "us"}));
}

TEST(Rule, UseRestrictsAModelThatWasAskedForByName) {
  Policy policy = Regional();
  policy.rules = {{.line = 8, .when = {NameIn{NameFeature::kUser, {"ann", "bob"}}}, .use = {"eu"}}};
  EXPECT_EQ(Eligible(policy, "us", {.label = Label::kPublic, .user = "ann"}),
            (std::vector<std::string>{"policy_forbids"}));
  EXPECT_EQ(Eligible(policy, "us", {.label = Label::kPublic, .user = "eve"}),
            (std::vector<std::string>{"us"}));
}

TEST(Rule, ARuleThatLeavesNothingHereIsNamed) {
  Policy policy = Regional();
  policy.rules = {{.line = 8, .when = {FlagIs{FlagFeature::kImages, true}}, .use = {"bgi"}}};
  const auto refused = Decide(policy, "auto", {.label = Label::kPublic, .images = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "no_target");
  EXPECT_NE(refused.error().message.find("the rule in line 8"), std::string::npos);
}

TEST(Rule, NamesMayStandForNames) {
  Policy policy = Regional();
  policy.virtuals.push_back({.name = "clever", .targets = {"eu", "auto"}});
  EXPECT_EQ(Eligible(policy, "clever", {.label = Label::kPublic}),
            (std::vector<std::string>{"eu", "us", "nowhere", "fast"}));
  policy.virtuals.push_back({.name = "loop", .targets = {"loop"}});
  EXPECT_EQ(Eligible(policy, "loop", {}), (std::vector<std::string>{"no_target"}));
}

TEST(Rule, TheLanguageDecidesAndIsToldWhereARuleAsksForIt) {
  Policy policy = Regional();
  const auto told = [&](std::string_view language) {
    const auto decision = Decide(policy, "auto", {.label = Label::kPublic, .language = language});
    return decision ? fmt::format("{}", fmt::join(decision->explanation, "\n")) : "";
  };
  EXPECT_THAT(told("de"), testing::Not(testing::HasSubstr("language")));
  policy.rules = {{.when = {NameIn{NameFeature::kLanguage, {"de", "nl"}}}, .use = {"fast"}}};
  EXPECT_EQ(Eligible(policy, "auto", {.label = Label::kPublic, .language = "nl"}),
            (std::vector<std::string>{"fast"}));
  EXPECT_NE(Eligible(policy, "auto", {.label = Label::kPublic, .language = "en"}),
            (std::vector<std::string>{"fast"}));
  EXPECT_THAT(told("de"), testing::HasSubstr("the language of what the user wrote: de"));
  EXPECT_THAT(told("unknown"), testing::HasSubstr("wrote: unknown"));
}

TEST(Decide, WhatIsFailingIsPassedOverAndSaidSo) {
  const StateOf all_but_fast = [](const Target& target) -> TargetNow {
    return {.failed = target.beyond ? kBreakerOpen : 0u};
  };
  EXPECT_EQ(Eligible(Regional(), "auto", {.label = Label::kPublic}, all_but_fast),
            (std::vector<std::string>{"fast"}));
  const auto refused = Decide(Regional(), "us", {.label = Label::kPublic}, all_but_fast);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_GT(refused.error().retry_after_s, 0);
}

TEST(Decide, APromptThatCertainlyDoesNotFitIsNotSent) {
  Policy policy = Regional();
  for (Target& target : policy.targets) target.context_tokens = 1000;
  EXPECT_EQ(Eligible(policy, "us", {.label = Label::kPublic, .prompt_bytes = 33'000}),
            (std::vector<std::string>{"no_eligible_target"}));
  // Between the bounds the target itself decides.
  EXPECT_EQ(Eligible(policy, "us", {.label = Label::kPublic, .prompt_bytes = 31'000}),
            (std::vector<std::string>{"us"}));
}

TEST(MakeCondition, RefusesWhatIsNoFeature) {
  EXPECT_FALSE(MakeCondition("weather", std::vector<std::string>{"de"}));
  EXPECT_FALSE(MakeCondition("project", true));
  EXPECT_TRUE(MakeCondition("online", true));
}

}  // namespace
}  // namespace weir::routing
