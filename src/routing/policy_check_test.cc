#include "routing/policy_check.h"

#include <gtest/gtest.h>

namespace weir::routing {
namespace {

using chat::Label;

Policy Cloudy() {
  return {.targets = {{.name = "fast"},
                      {.name = "big",
                       .backend = "openai",
                       .tier = Tier::kCloud,
                       .ceiling = Label::kInternal,
                       .beyond = true}},
          .virtuals = {{.name = "auto", .targets = {"fast", "big"}},
                       {.name = "clever", .targets = {"big"}}}};
}

TEST(CheckPolicy, APolicyThatOnlyFiltersIsGood) {
  const PolicyProof proof = CheckPolicy(Cloudy(), {});
  EXPECT_TRUE(proof.problems.empty());
  EXPECT_GT(proof.decisions, 1000);
}

TEST(CheckPolicy, ARuleThatSendsALabelTooHighIsNamedWithItsPath) {
  Policy policy = Cloudy();
  policy.rules = {
      {.line = 12, .when = {NameIn{NameFeature::kLabel, {"secret"}}}, .use = {"clever"}}};
  const PolicyProof proof = CheckPolicy(policy, {});
  ASSERT_FALSE(proof.problems.empty());
  EXPECT_EQ(proof.problems[0].line, 12u);
  EXPECT_EQ(proof.problems[0].path,
            "label secret -> rule in line 12 -> target big (backend openai, ceiling internal)");
}

TEST(CheckPolicy, ACallerWhoseLabelIsFixedMayNotBeSentAboveACeiling) {
  Policy policy = Cloudy();
  policy.rules = {{.line = 9, .when = {NameIn{NameFeature::kProject, {"hr"}}}, .use = {"big"}}};
  EXPECT_TRUE(CheckPolicy(policy, {}).problems.empty());
  const PolicyProof proof = CheckPolicy(
      policy, {{.line = 4, .match = {{NameFeature::kProject, {"h*"}}}, .label = Label::kPersonal}});
  ASSERT_EQ(proof.problems.size(), 1u);
  EXPECT_NE(proof.problems[0].path.find("label rule in line 4"), std::string::npos);
  // Another project has no such floor.
  EXPECT_TRUE(CheckPolicy(policy, {{.line = 4,
                                    .match = {{NameFeature::kProject, {"law"}}},
                                    .label = Label::kPersonal}})
                  .problems.empty());
}

TEST(CheckPolicy, PatternsThatAreNotWiderThanTheLabelRulesAreItsCallersToo) {
  Policy policy = Cloudy();
  const std::vector<LabelFloor> floors = {
      {.line = 4, .match = {{NameFeature::kProject, {"hr*"}}}, .label = Label::kSecret}};
  for (const char* project : {"hr*", "hr-eu*", "hr?", "hr1"}) {
    policy.rules = {
        {.line = 9, .when = {NameIn{NameFeature::kProject, {project}}}, .use = {"big"}}};
    EXPECT_EQ(CheckPolicy(policy, floors).problems.size(), 1u) << project;
  }
  for (const char* project : {"h*", "*"}) {
    policy.rules = {
        {.line = 9, .when = {NameIn{NameFeature::kProject, {project}}}, .use = {"big"}}};
    EXPECT_TRUE(CheckPolicy(policy, floors).problems.empty()) << project;
  }
}

TEST(CheckPolicy, ALabelThatNoTargetOfItsModelMayHaveIsAMistake) {
  const auto problems = [](const char* model, std::vector<NameIn> besides = {}) {
    besides.insert(besides.begin(), {NameFeature::kModel, {model}});
    return CheckPolicy(Cloudy(), {{.line = 4, .match = besides, .label = Label::kSecret}}).problems;
  };
  ASSERT_EQ(problems("big").size(), 1u);
  EXPECT_EQ(problems("big")[0].line, 4u);
  EXPECT_EQ(problems("big")[0].path,
            "label secret of the label rule in line 4 -> model big -> target big (backend openai, "
            "ceiling internal)");
  EXPECT_EQ(problems("clever").size(), 1u);
  EXPECT_TRUE(problems("auto").empty());  // fast may have it
  EXPECT_TRUE(problems("b*").empty());
  EXPECT_TRUE(problems("big", {{NameFeature::kProject, {"hr"}}}).empty());
}

}  // namespace
}  // namespace weir::routing
