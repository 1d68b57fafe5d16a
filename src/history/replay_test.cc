#include "history/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "json/parse.h"

namespace weir::history {
namespace {

using testing::ElementsAre;
using testing::Pair;

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() {
    policy_.targets = {{.name = "small", .model = "s"},
                       {.name = "rack", .model = "r", .tier = routing::Tier::kEdge, .beyond = true},
                       {.name = "big",
                        .model = "b",
                        .tier = routing::Tier::kCloud,
                        .ceiling = chat::Label::kInternal,
                        .beyond = true}};
    policy_.virtuals = {{.name = "auto", .targets = {"small", "big"}}};
    prices_["big"] = {.target = "big", .currency = "USD", .input = 1'000, .output = 10'000};
  }

  // As the gateway decides and keeps it.
  Record Decided(const std::string& id, const std::string& asked, routing::Features features,
                 routing::Goals& goals, const routing::PromptFacts& facts = {}) {
    Record record{.id = id, .time = now_, .asked = asked, .policy = "old"};
    record.label = {.asserted = features.label};
    record.features = features;
    routing::Decision refused;
    auto decision = routing::Decide(policy_, asked, features, state_, &refused);
    if (!decision) {
      record.considered = refused.considered;
      record.refused = decision.error().reason;
      return record;
    }
    if (decision->confidence_min) {
      record.facts = facts;
      routing::Arrange(experience_, facts, {}, goals, *decision);
    }
    record.considered = decision->considered;
    for (const auto& target : decision->eligible) record.order.push_back(target.name);
    const routing::Target& chosen = decision->chosen();
    record.served = Served{.target = chosen.name,
                           .tier = chosen.tier,
                           .usage = {.prompt_tokens = 100, .completion_tokens = 10}};
    if (prices_.contains(chosen.name)) {
      record.served->cost = 200'000;
      record.served->currency = "USD";
    }
    record.ended = true;
    return record;
  }
  ReplayReport Replayed(const std::vector<Record>& records) {
    const Candidate candidate{.policy = policy_,
                              .label_rules = rules_,
                              .default_label = chat::Label::kInternal,
                              .experience = experience_,
                              .prices = prices_};
    Replay replay(candidate);
    for (const Record& record : records) replay.Take(record);
    return replay.report();
  }

  routing::Policy policy_;
  routing::StateOf state_;
  std::vector<privacy::LabelRule> rules_;
  std::map<std::string, ledger::Price> prices_;
  const routing::Refit refit_ = {};
  const routing::Experience experience_{.predictor = routing::Predictor::BuiltIn(),
                                        .draft_check = routing::DraftCheck::BuiltIn(),
                                        .refit = refit_};
  WallTime now_{std::chrono::hours(24) * 20'000};
};

// Whatever was asked, in whatever state the targets were: under the policy of then every decision
// is the decision of then.
TEST_F(ReplayTest, UnderTheSamePolicyNothingChanges) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    policy_.virtuals[0].goal = {.cloud_share_max = static_cast<int32_t>(random() % 10'001)};
    policy_.virtuals[0].targets = seed % 2 ? std::vector<std::string>{"small", "rack", "big"}
                                           : std::vector<std::string>{"big", "small"};
    state_ = [&random](const routing::Target&) -> routing::TargetNow {
      const auto some = [&](int64_t most) {
        return random() % 6 == 0 ? std::nullopt
                                 : std::optional<int64_t>(static_cast<int64_t>(random()) % most);
      };
      return {.failed = random() % 4 == 0 ? routing::kBreakerOpen : 0u,
              .speed = {.load_ms = random() % 3 == 0 ? some(9'000) : 0,
                        .queue_ms = some(3'000),
                        .prefill_rate = some(300'000),
                        .decode_rate = some(60'000),
                        .answer_tokens = some(500)}};
    };
    routing::Goals goals;
    std::vector<Record> records;
    for (int i = 0; i < 120; ++i) {
      const char* asked[] = {"auto", "small", "big", "nobody"};
      routing::Features features{.label = static_cast<chat::Label>(random() % 4),
                                 .tier_max = static_cast<routing::Tier>(random() % 3),
                                 .prompt_bytes = static_cast<int64_t>(random() % 5'000),
                                 .images = random() % 5 == 0};
      if (random() % 3 == 0) features.deadline_ms = static_cast<int64_t>(random() % 20'000);
      const routing::PromptFacts facts{
          .predicted = {.small_right = static_cast<int32_t>(random() % 10'000),
                        .gain = static_cast<int32_t>(random() % 5'000)},
          .tool_loop = random() % 7 == 0,
          .one_text = random() % 2 == 0};
      now_ += std::chrono::minutes(random() % 30);
      records.push_back(
          Decided("dec_" + std::to_string(i), asked[random() % 4], features, goals, facts));
    }
    const ReplayReport report = Replayed(records);
    ASSERT_EQ(report.changed, 0) << "seed " << seed << ": " << report.changes.front().id;
    ASSERT_EQ(report.labels_changed, 0);
    ASSERT_EQ(report.before.cloud, report.after.cloud);
    ASSERT_EQ(report.before.refused, report.after.refused);
    ASSERT_EQ(report.before.cost, report.after.cost);
  }
}

TEST_F(ReplayTest, ACheaperPolicySaysWhatItSavesAndWhereItGoes) {
  routing::Goals goals;
  std::vector<Record> records;
  for (int i = 0; i < 3; ++i) {
    records.push_back(Decided("dec_" + std::to_string(i), "big", {}, goals));
  }
  policy_.virtuals.push_back({.name = "big", .targets = {"small"}});
  policy_.targets.pop_back();
  const ReplayReport report = Replayed(records);
  EXPECT_EQ(report.changed, 3);
  EXPECT_EQ(report.before.cloud, 3);
  EXPECT_EQ(report.after.device, 3);
  EXPECT_THAT(report.moves, ElementsAre(Pair(Pair("big", "small"), 3)));
  EXPECT_EQ(report.before.cost.at("USD").Text(), "0.0000006");
  EXPECT_TRUE(report.after.cost.empty()) << "what is computed here costs no money";
}

TEST_F(ReplayTest, AnotherTargetsCostIsWorkedOutFromTheTokensOfThen) {
  routing::Goals goals;
  const Record record = Decided("dec_a", "auto", {}, goals);
  policy_.virtuals[0].targets = {"big"};
  const ReplayReport report = Replayed({record});
  EXPECT_EQ(report.after.cost.at("USD").Text(), "0.0000002") << "100 in, 10 out";
  EXPECT_EQ(report.after.estimated, 0);
  prices_.clear();
  EXPECT_EQ(Replayed({record}).after.unpriced, 1) << "unpriced is not zero";
}

TEST_F(ReplayTest, ANewLabelRuleIsSeenInLabelsAndRefusals) {
  routing::Goals goals;
  const Record record = Decided("dec_a", "big", {.project = "hr"}, goals);
  rules_ = {{.line = 9, .project = "hr", .label = chat::Label::kSecret}};
  const ReplayReport report = Replayed({record});
  EXPECT_EQ(report.labels_changed, 1);
  EXPECT_THAT(report.labels, ElementsAre(Pair(Pair("internal", "secret"), 1)));
  EXPECT_EQ(report.after.refused, 1);
  EXPECT_THAT(report.moves, ElementsAre(Pair(Pair("big", "(refused)"), 1)));
}

TEST_F(ReplayTest, ATargetThatWasDownThenIsDown) {
  routing::Goals goals;
  Record record = Decided("dec_a", "auto", {}, goals);
  record.considered[1].failed = routing::kBreakerOpen;  // big
  policy_.virtuals[0].targets = {"big", "small"};
  EXPECT_EQ(Replayed({record}).changed, 0);
}

TEST_F(ReplayTest, AGoalOfMoneyIsHeldWithTheMoneyThatReplayCounts) {
  routing::Goals goals;
  std::vector<Record> records;
  for (int i = 0; i < 100; ++i) {
    now_ += std::chrono::minutes(10);
    records.push_back(Decided("dec_" + std::to_string(i), "auto", {}, goals,
                              {.predicted = {.small_right = 1'000, .gain = 4'000 + i}}));
  }
  policy_.virtuals[0].goal = {.cost_per_day_max = routing::CostPerDay{1'000'000, "USD"}};
  const ReplayReport report = Replayed(records);
  EXPECT_GT(report.after.cloud, 0);
  EXPECT_LE(report.after.cloud, 5) << "each costs a fifth of it";
  EXPECT_LE(report.after.cost.at("USD").Text(), "0.000001");
}

TEST_F(ReplayTest, EnergyIsExpectedByTheSpeedsOfThenAndTheWattageOfThePolicy) {
  state_ = [](const routing::Target&) {
    return routing::TargetNow{.speed = {.load_ms = 0,
                                        .queue_ms = 0,
                                        .prefill_rate = 100'000,
                                        .decode_rate = 50'000,
                                        .answer_tokens = 100}};
  };
  routing::Goals goals;
  const routing::Features features{.label = chat::Label::kPublic, .prompt_bytes = 3'000};
  policy_.energy = {.watts = 10};
  const std::vector<Record> records = {Decided("a", "auto", features, goals),
                                       Decided("b", "auto", features, goals)};
  EXPECT_EQ(Replayed(records).before.energy_mj, 2 * 120'000) << "12 s each, at 10 W";
  EXPECT_EQ(Replayed(records).after.energy_mj, 2 * 120'000);
  policy_.energy = {.watts = 20};
  EXPECT_EQ(Replayed(records).after.energy_mj, 2 * 240'000);
  policy_.virtuals[0].targets = {"big"};
  const ReplayReport moved = Replayed(records);
  EXPECT_EQ(moved.before.energy_mj, 2 * 120'000);
  EXPECT_EQ(moved.after.energy_mj, 0) << "the cloud's is not ours";
}

TEST_F(ReplayTest, EveryDecisionIsCountedOnceOnBothSides) {
  routing::Goals goals;
  Record poor = Decided("dec_poor", "big", {}, goals);
  poor.served.reset();
  poor.attempts = {{"big", "budget_exhausted"}};
  Record broken = Decided("dec_broken", "auto", {}, goals);
  broken.served.reset();
  broken.attempts = {{"small", "backend_failed"}};
  const Record refused = Decided("dec_refused", "big", {.label = chat::Label::kSecret}, goals);
  const Record racked = Decided("dec_racked", "rack", {}, goals);
  const ReplayReport report = Replayed({poor, broken, refused, racked});
  EXPECT_EQ(report.changed, 0);
  for (const Side& side : {report.before, report.after}) {
    EXPECT_EQ(side.refused, 2);
    EXPECT_EQ(side.unanswered, 1);
    EXPECT_EQ(side.edge, 1);
    EXPECT_EQ(side.cloud + side.device, 0);
    EXPECT_EQ(side.unpriced, 1) << "what has no price is not free";
  }
}

TEST_F(ReplayTest, WhatNoBudgetCouldPayIsAnsweredWhereAnotherTargetIsAsked) {
  routing::Goals goals;
  policy_.virtuals[0].targets = {"big"};
  Record poor = Decided("dec_poor", "auto", {}, goals);
  poor.served.reset();
  poor.attempts = {{"big", "budget_exhausted"}};
  policy_.virtuals[0].targets = {"small"};
  const ReplayReport report = Replayed({poor});
  EXPECT_EQ(report.before.refused, 1);
  EXPECT_EQ(report.after.device, 1);
  EXPECT_EQ(report.changed, 1);
}

TEST_F(ReplayTest, TheReportIsOneDocument) {
  routing::Goals goals;
  const Record record = Decided("dec_a", "auto", {}, goals);
  const auto document = json::Parse(ReplayJson(Replayed({record})), {});
  ASSERT_TRUE(document);
  EXPECT_EQ(*document->Find("decisions")->AsInt(), 1);
  EXPECT_EQ(*document->Find("changed")->AsInt(), 0);
}

}  // namespace
}  // namespace weir::history
