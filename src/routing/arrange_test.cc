#include "routing/arrange.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace weir::routing {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kUnit = 1'000'000'000'000;

class ArrangeTest : public testing::Test {
 protected:
  static Decision Between(Goal goal) {
    return {.asked = "auto",
            .eligible = {{.name = "small"},
                         {.name = "rack", .tier = Tier::kEdge, .beyond = true},
                         {.name = "big", .tier = Tier::kCloud, .beyond = true}},
            .confidence_min = kConfidenceMinDefault,
            .goal = std::move(goal)};
  }
  static Goal PerDay(int64_t pico) { return {.cost_per_day_max = CostPerDay{pico, "USD"}}; }

  Refit refit_ = {};
  const Experience experience_{
      .predictor = Predictor::BuiltIn(), .draft_check = DraftCheck::BuiltIn(), .refit = refit_};
  Goals goals_ = {};
};

TEST_F(ArrangeTest, MoneyThatIsGoneKeepsTheCloudLast) {
  Decision decision = Between(PerDay(2 * kUnit));
  const PromptFacts facts{.predicted = {.small_right = 100, .gain = 9'000}};
  MoneyToday today{.gone = kUnit, .expected = kUnit / 10, .most = kUnit};
  const MoneyOf money = [&](const Decision&) { return today; };
  FollowGoal(experience_, facts, money, goals_, decision);
  EXPECT_EQ(decision.chosen().name, "big");
  today.gone += 1;
  decision = Between(PerDay(2 * kUnit));
  FollowGoal(experience_, facts, money, goals_, decision);
  EXPECT_EQ(decision.chosen().name, "small");
  EXPECT_THAT(decision.explanation, Contains(HasSubstr("less is left of today's money")));
}

TEST_F(ArrangeTest, WhatNobodyPricedIsNotPaidFromAGoalOfMoney) {
  Decision decision = Between(PerDay(2 * kUnit));
  FollowGoal(experience_, {.predicted = {.gain = 9'000}}, {}, goals_, decision);
  EXPECT_EQ(decision.chosen().name, "small");
  EXPECT_THAT(decision.explanation, Contains(HasSubstr("not known in USD")));
}

// Days of traffic against a purse that is settled as the ledger settles: whatever the requests, the
// prices and the number that run at once are, no day costs more than the goal, and the money goes
// to requests that gain more than others.
TEST_F(ArrangeTest, NoDayCostsMoreThanTheGoalAndTheGainsAreTheBest) {
  int64_t spent_of_all = 0;
  int64_t goal_of_all = 0;
  for (uint32_t seed = 0; seed < 16; ++seed) {
    std::mt19937 random(seed);
    const int64_t limit = kUnit * (1 + random() % 5);
    const int64_t most = limit / (20 + random() % 200);
    const size_t running_max = 1 + random() % 8;
    const int64_t step_us = int64_t{1} << (24 + random() % 4);
    goals_ = {};
    WallTime now{std::chrono::hours(24) * 20'000};
    int64_t day = 20'000;
    int64_t spent = 0;
    std::vector<int64_t> running;  // what each will have cost
    int64_t up_gain = 0, up_count = 0, all_gain = 0, all_count = 0;
    for (int i = 0; i < 8'000; ++i) {
      now += std::chrono::microseconds(step_us + random() % 1'000'000);
      const int64_t today =
          std::chrono::duration_cast<std::chrono::hours>(now.time_since_epoch()).count() / 24;
      if (today != day) {
        spent_of_all += spent;
        goal_of_all += limit;
        spent = 0;
        running.clear();
        day = today;
      }
      if (running.size() >= running_max) {
        spent += running.front();
        running.erase(running.begin());
      }
      const auto gain = static_cast<int32_t>(random() % 6'000);
      const MoneyToday money{.now = now,
                             .gone = spent + most * static_cast<int64_t>(running.size()),
                             .expected = most / 2,
                             .most = most};
      Decision decision = Between(PerDay(limit));
      FollowGoal(
          experience_, {.predicted = {.small_right = 5'000, .gain = gain}},
          [&](const Decision&) { return money; }, goals_, decision);
      all_gain += gain;
      ++all_count;
      if (decision.chosen().name != "big") continue;
      ASSERT_LE(money.gone + most, limit) << "seed " << seed << " request " << i;
      running.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1)));
      up_gain += gain;
      ++up_count;
    }
    ASSERT_GT(up_count, 0) << "seed " << seed;
    if (up_count * 2 < all_count) {
      EXPECT_GT(up_gain / up_count, all_gain / all_count) << "seed " << seed;
    }
  }
  EXPECT_GT(spent_of_all * 10, goal_of_all * 3) << "the money is used";
}

TEST_F(ArrangeTest, TheSameRequestsInTheSameOrderAreArrangedAlike) {
  for (const Goal& goal : {PerDay(kUnit / 100), Goal{.cloud_share_max = 2'000}}) {
    std::vector<std::string> first;
    for (int pass = 0; pass < 2; ++pass) {
      goals_ = {};
      std::mt19937 random(5);
      for (size_t i = 0; i < 500; ++i) {
        Decision decision = Between(goal);
        const PromptFacts facts{
            .predicted = {.small_right = 5'000, .gain = static_cast<int32_t>(random() % 5'000)}};
        const MoneyOf money = [&](const Decision&) {
          return MoneyToday{.now = WallTime(std::chrono::seconds(i)), .expected = 9, .most = 10};
        };
        Arrange(experience_, facts, money, goals_, decision);
        std::string lines;
        for (const std::string& line : decision.explanation) lines += line + "\n";
        if (pass == 0) {
          first.push_back(lines);
        } else {
          ASSERT_EQ(first[i], lines);
        }
      }
    }
  }
}

TEST_F(ArrangeTest, WhatWasLearntMovesTheWantedQuality) {
  const PromptFacts facts{.predicted = {.small_right = 8'000, .gain = 1'000}};
  Decision decision = Between({.quality_min = 7'000});
  FollowGoal(experience_, facts, {}, goals_, decision);
  EXPECT_EQ(decision.chosen().name, "small");
  refit_ = Refit({{.predicted = 0, .right = 0}, {.predicted = 10'000, .right = 5'000}});
  decision = Between({.quality_min = 7'000});
  FollowGoal(experience_, facts, {}, goals_, decision);
  EXPECT_EQ(decision.chosen().name, "big") << "here such answers are right in 40 %";
}

TEST_F(ArrangeTest, TheFirstGateSaysWhoseStreamItDoesNotJudge) {
  const auto lines = [&](const PromptFacts& facts, bool buffer, int32_t confidence_min) {
    Decision decision = Between({});
    decision.buffer = buffer;
    decision.confidence_min = confidence_min;
    Arrange(experience_, facts, {}, goals_, decision);
    return decision.explanation;
  };
  const auto gate = Contains(HasSubstr("first gate"));
  const PromptFacts stream{.kind = TaskKind::kMath, .one_text = true};
  EXPECT_THAT(
      lines(stream, false, 8'500),
      Contains("first gate: abstains, the first tokens of small are not calibrated for math "
               "tasks"));
  EXPECT_THAT(lines(stream, true, 8'500), testing::Not(gate)) << "the end gate speaks";
  EXPECT_THAT(lines(stream, false, 0), testing::Not(gate)) << "nobody asked";
  EXPECT_THAT(lines({.one_text = true, .whole = true}, false, 8'500), testing::Not(gate));
  Decision far = Between({});
  far.eligible.erase(far.eligible.begin());
  Arrange(experience_, stream, {}, goals_, far);
  EXPECT_THAT(far.explanation,
              Contains("first gate: abstains, rack is not a model of this machine"));
}

TEST_F(ArrangeTest, AnEdgeThatCannotScoreIsNamedAsNoChecker) {
  Decision decision = Between({});
  decision.eligible[1].backend = "rack";
  const CheckChoice choice =
      ChooseCheck(DraftCheck::BuiltIn(), {.one_text = true, .whole = true}, decision);
  EXPECT_FALSE(choice.plan);
  EXPECT_THAT(choice.why,
              ElementsAre(HasSubstr("the API of backend rack gives no log-probabilities")));
}

// Two models of this machine: a right in 40 %, b in 80 %; a gate after 16 tokens and one at the
// end.
class GateChoiceTest : public testing::Test {
 protected:
  static Gate Knows(size_t after_tokens, int32_t auroc_low, bool pays) {
    return {.after_tokens = after_tokens,
            .auroc = 7'000,
            .auroc_low = auroc_low,
            .auroc_high = 8'000,
            .pays = pays,
            .points = {{-1'000, 1'000, 8'000}, {0, 9'000, 8'000}}};
  }
  CheckChoice Choose(bool check_pays, std::vector<Gate> gates, bool held,
                     int32_t confidence_min = kConfidenceMinDefault) {
    std::string text = R"({"version":1,"pairs":[{"draft_model":"m-a","larger_model":"m-b",)"
                       R"("kind":"math",)";
    text += fmt::format(R"("draft_sha256":"{}","larger_sha256":"{}","check_pays":)",
                        std::string(64, 'a'), std::string(64, 'b'));
    text += check_pays ? "true" : "false";
    text += R"(,"tasks":9,"draft_right":4000,"larger_right":8000,"points":[)"
            R"({"likelihood_milli":-9,"draft_right":1,"larger_right":2},)"
            R"({"likelihood_milli":0,"draft_right":3,"larger_right":2}],"gates":[)";
    for (size_t i = 0; i < gates.size(); ++i) {
      text += fmt::format(
          R"({}{{"after_tokens":{},"signal":"logprob_mean","auroc":{{"middle":{},"low":{},"high":{}}},)"
          R"("pays":{},"points":[{{"value_milli":-1000,"draft_right":1000,"larger_right":8000}},)"
          R"({{"value_milli":0,"draft_right":9000,"larger_right":8000}}]}})",
          i == 0 ? "" : ",", gates[i].after_tokens, gates[i].auroc, gates[i].auroc_low,
          gates[i].auroc_high, gates[i].pays);
    }
    known_ = std::move(*DraftCheck::Parse(text + "]}]}"));
    decision_ = {.asked = "auto",
                 .eligible = {{.name = "a", .model = "m-a", .file_sha256 = std::string(64, 'a')},
                              {.name = "b", .model = "m-b", .file_sha256 = std::string(64, 'b')}},
                 .confidence_min = confidence_min};
    return ChooseCheck(known_, {.kind = TaskKind::kMath, .one_text = true, .whole = held},
                       decision_);
  }

  DraftCheck known_ = DraftCheck::BuiltIn();
  Decision decision_ = {};
};

TEST_F(GateChoiceTest, AStreamIsJudgedByItsFirstTokensWhereThatPays) {
  const CheckChoice choice = Choose(false, {Knows(16, 6'000, true)}, false);
  ASSERT_TRUE(choice.plan);
  EXPECT_EQ(choice.plan->gate, GateKind::kFirstTokens);
  EXPECT_EQ(decision_.chosen().name, "a");
}

TEST_F(GateChoiceTest, WhereItDoesNotPayTheLargerModelComesFirst) {
  const CheckChoice choice = Choose(false, {Knows(16, 6'000, false)}, false);
  EXPECT_FALSE(choice.plan);
  EXPECT_EQ(decision_.chosen().name, "b");
  EXPECT_TRUE(Choose(false, {Knows(16, 6'000, false)}, false, 3'000).plan)
      << "who is trusted with 40 % is still asked how sure it is";
}

TEST_F(GateChoiceTest, AGateThatKnowsNoMoreThanChanceAbstainsAndSaysSo) {
  const CheckChoice choice = Choose(true, {Knows(16, 5'000, true), Knows(0, 9'000, true)}, false);
  EXPECT_FALSE(choice.plan);
  EXPECT_THAT(choice.why, ElementsAre("first gate: abstains, on 9 math tasks the first tokens of a "
                                      "did not tell right from wrong (AUROC 0.70, 0.50 to 0.80)",
                                      HasSubstr("a stream is not held back")));
}

TEST_F(GateChoiceTest, WhatIsHeldBackIsCheckedWhereThatPaysAndElseJudgedAtItsEnd) {
  EXPECT_EQ(Choose(true, {Knows(0, 6'000, true)}, true).plan->gate, GateKind::kDraftCheck);
  EXPECT_EQ(Choose(false, {Knows(0, 6'000, true)}, true).plan->gate, GateKind::kWholeDraft);
  EXPECT_FALSE(Choose(false, {Knows(16, 6'000, true)}, true).plan) << "the gate of streams";
  EXPECT_EQ(Choose(true, {Knows(16, 6'000, false)}, false).plan->gate, GateKind::kFirstTokens);
}

}  // namespace
}  // namespace weir::routing
