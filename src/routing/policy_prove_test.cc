#include "routing/policy_prove.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace weir::routing {
namespace {

using chat::Label;
using testing::Contains;

Policy Cloudy() {
  return {.targets =
              {{.name = "fast"},
               {.name = "vectors", .generates = false, .embeds = true},
               {.name = "big", .tier = Tier::kCloud, .ceiling = Label::kInternal, .beyond = true},
               {.name = "unused", .tier = Tier::kCloud, .ceiling = Label::kPublic}},
          .virtuals = {{.name = "auto", .targets = {"fast", "big"}}}};
}

std::vector<std::string> NamesOf(const std::vector<Reached>& all) {
  std::vector<std::string> names;
  for (const Reached& one : all) names.push_back(one.target);
  return names;
}

TEST(Prove, EachLabelIsToldWhatItReachesAndWhatNever) {
  const ReachProof proof = Prove(Cloudy());
  EXPECT_TRUE(proof.proved());
  EXPECT_EQ(proof.decisions, 5 * 5 * kTaskCount * 3) << "labels, names, tasks, tiers";
  using Names = std::vector<std::string>;
  EXPECT_EQ(NamesOf(proof.labels[0].reached), (Names{"fast", "vectors", "big", "unused"}));
  EXPECT_EQ(NamesOf(proof.labels[1].reached), (Names{"fast", "vectors", "big"}));
  for (const size_t high : {2, 3, 4}) {
    EXPECT_EQ(NamesOf(proof.labels[high].reached), (Names{"fast", "vectors"}));
    EXPECT_EQ(NamesOf(proof.labels[high].never), (Names{"big", "unused"}));
  }
  EXPECT_EQ(proof.labels[0].reached[2].way, "model auto -> target big");
}

TEST(Prove, RulesAreTriedWhateverTheirConditionsAre) {
  Policy policy = Cloudy();
  policy.rules = {{.line = 7,
                   .when = {NameIn{NameFeature::kLabel, {"secret"}}, FlagIs{FlagFeature::kImages}},
                   .use = {"big"}},
                  {.line = 9, .regions = {"local"}}};
  const ReachProof proof = Prove(policy);
  EXPECT_TRUE(proof.proved()) << "the rule cannot be carried out";
  EXPECT_EQ(proof.decisions, 2 * (5 + 1) * 5 * kTaskCount * 3) << "and once more for the regions";
}

// A decision that forgot the ceilings would be found, with its way.
TEST(Prove, ACounterexampleIsNamedWithItsWay) {
  Policy policy = Cloudy();
  policy.virtuals[0].targets = {"fast"};
  policy.rules = {{.line = 7, .when = {FlagIs{FlagFeature::kImages}}, .use = {"big"}}};
  const ReachProof proof =
      Prove(policy, [](const Policy& by, std::string_view model, Features features) {
        if (!by.rules.empty() && model == "big") features.label = Label::kPublic;
        return Decide(by, model, features);
      });
  EXPECT_FALSE(proof.proved());
  EXPECT_EQ(proof.violations.size(), 3u) << "personal, secret, unscanned";
  EXPECT_THAT(proof.violations,
              Contains("label secret -> model big -> rule in line 7 -> target big (ceiling "
                       "internal)"));
}

Policy Regional() {
  Policy policy = Cloudy();
  policy.targets[2].region = "us";
  policy.targets.push_back({.name = "near", .tier = Tier::kCloud, .region = "eu", .beyond = true});
  policy.virtuals[0].targets.push_back("near");
  policy.rules = {
      {.line = 7, .when = {FlagIs{FlagFeature::kImages}}, .use = {"big", "near"}},
      {.line = 9, .when = {NameIn{NameFeature::kTenant, {"eu-*"}}}, .regions = {"eu", "local"}}};
  return policy;
}

TEST(Prove, ARuleWithRegionsKeepsItsRequestsThere) {
  const ReachProof proof = Prove(Regional());
  EXPECT_TRUE(proof.proved());
  ASSERT_EQ(proof.regions.size(), 1u);
  const RegionReach& reach = proof.regions[0];
  EXPECT_EQ(reach.line, 9u);
  using Names = std::vector<std::string>;
  EXPECT_EQ(NamesOf(reach.reached), (Names{"fast", "vectors", "near"}));
  EXPECT_EQ(NamesOf(reach.never), (Names{"big", "unused"}));
  EXPECT_EQ(reach.never[0].region, "us");
  EXPECT_EQ(reach.never[1].region, "unknown") << "a region that nobody said is none that fits";
  EXPECT_EQ(reach.reached[0].region, "local");
}

// A decision that forgot the regions would be found, with its way.
TEST(Prove, ATargetOfAnotherRegionIsNamedWithItsWay) {
  const ReachProof proof =
      Prove(Regional(), [](Policy by, std::string_view model, const Features& features) {
        for (Rule& rule : by.rules) rule.regions.clear();
        return Decide(by, model, features);
      });
  EXPECT_FALSE(proof.proved());
  EXPECT_THAT(proof.violations,
              Contains("rule in line 9 (regions eu, local) -> model auto -> target "
                       "big (region us)"));
  EXPECT_THAT(proof.violations, Contains("rule in line 9 (regions eu, local) -> model unused -> "
                                         "target unused (region unknown)"));
}

// What the proof says that no request reaches is reached by none: random requests, in random states
// of the targets, against the policy with its conditions.
TEST(Prove, NoRequestReachesMoreThanTheProofSays) {
  std::mt19937 random(17);
  const auto flip = [&] { return random() % 2 == 0; };
  const std::vector<std::string> projects = {"", "hr", "law"};
  for (int round = 0; round < 60; ++round) {
    Policy policy = Cloudy();
    for (Target& target : policy.targets) {
      target.ceiling = static_cast<Label>(random() % 4);
      target.vision = flip();
      target.region = flip() ? "eu" : "us";
    }
    for (uint32_t line = 1; line <= random() % 4; ++line) {
      Rule rule{.line = line,
                .when = {NameIn{NameFeature::kProject, {projects[1 + random() % 2]}}}};
      if (flip()) rule.when.push_back(FlagIs{FlagFeature::kImages, flip()});
      if (flip()) rule.use = {policy.targets[random() % 4].name};
      if (flip()) rule.regions = {flip() ? "eu" : "local"};
      policy.rules.push_back(std::move(rule));
    }
    const ReachProof proof = Prove(policy);
    ASSERT_TRUE(proof.proved());
    for (int asked = 0; asked < 200; ++asked) {
      const Features features{.label = kAllLabels[random() % 5],
                              .tier_max = static_cast<Tier>(random() % 3),
                              .images = flip(),
                              .project = projects[random() % 3]};
      const char* names[] = {"auto", "fast", "big", "unused"};
      const auto decision = Decide(policy, names[random() % 4], features);
      if (!decision) continue;
      const auto label = std::ranges::find(proof.labels, features.label, &Reach::label);
      for (const Target& target : decision->eligible) {
        ASSERT_THAT(NamesOf(label->reached), Contains(target.name));
        for (const Rule& rule : policy.rules) {
          if (rule.regions.empty() || !Holds(rule, decision->asked, features)) continue;
          const auto region = std::ranges::find(proof.regions, rule.line, &RegionReach::line);
          ASSERT_THAT(NamesOf(region->reached), Contains(target.name));
        }
      }
    }
  }
}

}  // namespace
}  // namespace weir::routing
