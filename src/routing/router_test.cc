#include "routing/router.h"

#include <gtest/gtest.h>

namespace weir::routing {
namespace {

using chat::Label;

Policy ThreeTiers() {
  return {
      .targets = {{.name = "fast", .tier = Tier::kDevice, .tools = true, .json_schema = true},
                  {.name = "rack", .tier = Tier::kEdge, .vision = true, .tools = true},
                  {.name = "big",
                   .tier = Tier::kCloud,
                   .ceiling = Label::kPublic,
                   .vision = true,
                   .tools = true},
                  {.name = "minilm", .generates = false, .embeds = true}},
      .virtuals = {{.name = "auto", .targets = {"fast", "rack", "big"}},
                   {.name = "local", .targets = {"fast", "rack", "big"}, .tier_max = Tier::kEdge},
                   {.name = "cloud-only", .targets = {"big"}}}};
}

TEST(Decide, TakesTheFirstEligibleTarget) {
  const auto decision = Decide(ThreeTiers(), "auto", {.label = Label::kPublic});
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(decision->chosen().name, "fast");
  EXPECT_EQ(decision->eligible.size(), 3u);
}

TEST(Decide, PassesOverWhatCannotSee) {
  const auto decision = Decide(ThreeTiers(), "auto", {.label = Label::kSecret, .images = true});
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(decision->chosen().name, "rack");
  EXPECT_EQ(decision->eligible.size(), 1u);  // the cloud's ceiling is public
}

TEST(Decide, AnEmptySetNamesTheFilterAndNeverFallsThrough) {
  const auto decision = Decide(ThreeTiers(), "cloud-only", {.label = Label::kPersonal});
  ASSERT_FALSE(decision.has_value());
  EXPECT_EQ(decision.error().code, Code::kForbidden);
  EXPECT_EQ(decision.error().reason, "label_exceeds_ceiling");
}

TEST(Decide, LocalNeverLeavesTheOrganisation) {
  const auto decision = Decide(ThreeTiers(), "local", {.label = Label::kPublic});
  ASSERT_TRUE(decision.has_value());
  for (const Target& target : decision->eligible) EXPECT_LT(target.tier, Tier::kCloud);
}

TEST(Decide, TheCallersTierIsACeiling) {
  const auto decision =
      Decide(ThreeTiers(), "cloud-only", {.label = Label::kPublic, .tier_max = Tier::kEdge});
  ASSERT_FALSE(decision.has_value());
  EXPECT_EQ(decision.error().reason, "policy_forbids");
}

TEST(Decide, AnUnknownModelIsNotFoundAndNearNamesAreTold) {
  const auto decision = Decide(ThreeTiers(), "gpt-9", {});
  ASSERT_FALSE(decision.has_value());
  EXPECT_EQ(decision.error().code, Code::kNotFound);
  EXPECT_NE(decision.error().message.find("auto"), std::string::npos);
}

TEST(Decide, AnEmbeddingModelDoesNotChat) {
  EXPECT_FALSE(Decide(ThreeTiers(), "minilm", {}).has_value());
  EXPECT_TRUE(Decide(ThreeTiers(), "minilm", {.task = Task::kEmbed}).has_value());
}

// Vectors of different models cannot be compared: a name that chooses between them makes none.
TEST(Decide, AChatModelEmbedsOnlyByItsOwnName) {
  Policy policy = ThreeTiers();
  policy.targets[0].embeds = policy.targets[1].embeds = true;
  policy.virtuals.push_back({.name = "quick", .targets = {"fast"}});
  for (const char* name : {"fast", "quick"}) {
    const auto decision = Decide(policy, name, {.task = Task::kEmbed, .label = Label::kPublic});
    ASSERT_TRUE(decision.has_value()) << name;
    EXPECT_EQ(decision->chosen().name, "fast");
  }
  for (const char* name : {"auto", "local", "big"}) {
    const auto decision = Decide(policy, name, {.task = Task::kEmbed, .label = Label::kPublic});
    ASSERT_FALSE(decision.has_value()) << name;
    EXPECT_EQ(decision.error().reason, "wrong_task");
  }
}

// Whatever the request, nothing above a target's ceiling or tier bound is ever eligible.
TEST(Decide, NoCombinationLeaks) {
  const Policy policy = ThreeTiers();
  for (const auto& model : policy.virtuals) {
    for (int label = 0; label < 5; ++label) {
      for (int tier = 0; tier < 3; ++tier) {
        for (int flags = 0; flags < 16; ++flags) {
          const Features features{.label = static_cast<Label>(label),
                                  .tier_max = static_cast<Tier>(tier),
                                  .images = (flags & 1) != 0,
                                  .audio = (flags & 2) != 0,
                                  .tools = (flags & 4) != 0,
                                  .json_schema = (flags & 8) != 0};
          const auto decision = Decide(policy, model.name, features);
          if (!decision) continue;
          for (const Target& target : decision->eligible) {
            EXPECT_TRUE(chat::Permits(target.ceiling, features.label));
            EXPECT_LE(target.tier, features.tier_max);
            EXPECT_LE(target.tier, model.tier_max);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace weir::routing
