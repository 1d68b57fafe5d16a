#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/arrange.h"

namespace weir::routing {
namespace {

using testing::HasSubstr;

class GoalTest : public testing::Test {
 protected:
  Decision Decide(Goal goal, const std::string& text, chat::Role last = chat::Role::kUser) {
    Decision decision{.asked = "auto",
                      .eligible = {{.name = "small"},
                                   {.name = "rack", .tier = Tier::kEdge},
                                   {.name = "big", .tier = Tier::kCloud}},
                      .goal = goal};
    chat::GenerateRequest request{.model = "auto"};
    request.messages.push_back({.role = chat::Role::kUser, .parts = {{.text = text}}});
    if (last != chat::Role::kUser) request.messages.push_back({.role = last});
    FollowGoal(experience_, FactsOf(request, false, Predictor::BuiltIn()), {}, goals_, decision);
    return decision;
  }

  const Refit refit_ = {};
  const Experience experience_{
      .predictor = Predictor::BuiltIn(), .draft_check = DraftCheck::BuiltIn(), .refit = refit_};
  Goals goals_ = {};
};

TEST_F(GoalTest, WithoutAGoalTheOrderStays) {
  const auto decision = Decide({}, "What is 2 + 2?");
  EXPECT_EQ(decision.chosen().name, "small");
  EXPECT_TRUE(decision.explanation.empty());
}

TEST_F(GoalTest, QualityThatNobodyNeedsStaysHereAndThatOnlyTheCloudMayReachGoesUp) {
  EXPECT_EQ(Decide({.quality_min = 0}, "What is 2 + 2?").chosen().name, "small");
  const auto up = Decide({.quality_min = 10'000}, "What is 2 + 2?");
  ASSERT_GT(Predictor::BuiltIn().Predict("What is 2 + 2?").gain, 0);
  EXPECT_EQ(up.chosen().name, "big");
  EXPECT_EQ(up.eligible[1].name, "small") << "the others follow in their order";
  EXPECT_THAT(up.explanation.front(), HasSubstr("cloud first"));
}

TEST_F(GoalTest, TheShareOfTheCloudIsNeverExceeded) {
  int up = 0;
  for (int asked = 1; asked <= 400; ++asked) {
    const std::string text = "Question " + std::to_string(asked * 7919) + ": how many are there?";
    up += Decide({.cloud_share_max = 2'000}, text).chosen().name == "big" ? 1 : 0;
    ASSERT_LE(up * 5, asked);
  }
  EXPECT_GT(up, 20);
}

TEST_F(GoalTest, AnOpenLoopOfToolsIsNotMoved) {
  const auto decision = Decide({.quality_min = 10'000}, "What is 2 + 2?", chat::Role::kTool);
  EXPECT_EQ(decision.chosen().name, "small");
  EXPECT_THAT(decision.explanation.front(), HasSubstr("not moved"));
}

TEST_F(GoalTest, WhereOnlyTheCloudIsLeftItCountsAndGoes) {
  Decision decision{.asked = "auto",
                    .eligible = {{.name = "big", .tier = Tier::kCloud}},
                    .goal = {.cloud_share_max = 0}};
  FollowGoal(experience_, {}, {}, goals_, decision);
  EXPECT_EQ(decision.chosen().name, "big");
}

}  // namespace
}  // namespace weir::routing
