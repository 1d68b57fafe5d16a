#include "gateway/draft_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/run_for_test.h"
#include "backends/fake_backend.h"
#include "gateway/fake_accounts.h"
#include "gateway/generate.h"
#include "gateway/hear_for_test.h"

namespace weir::gateway {
namespace {

using backends::Says;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kSum = "Ana has 2 lamps and buys 3 more. How many has she?";

// 10 % right at a mean logarithm of -2, 95 % at 0; the larger model is right in 60 %.
const char* const kCalibrated = R"({"version":1,"pairs":[
  {"draft_model":"m-a","larger_model":"m-b",
   "draft_sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
   "larger_sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
   "kind":"math","check_pays":true,"tasks":9,"draft_right":5000,"larger_right":6000,"points":[
    {"likelihood_milli":-2000,"draft_right":1000,"larger_right":6000},
    {"likelihood_milli":0,"draft_right":9500,"larger_right":6000}]},
  {"draft_model":"m-a","larger_model":"m-b",
   "draft_sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
   "larger_sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
   "kind":"code","check_pays":false,"tasks":9,"draft_right":4100,"larger_right":8400,"points":[
    {"likelihood_milli":-2000,"draft_right":1000,"larger_right":6000},
    {"likelihood_milli":0,"draft_right":9500,"larger_right":6000}]}]})";

class DraftCheckTest : public testing::Test {
 protected:
  DraftCheckTest() {
    policy_.targets = {{.name = "a", .model = "m-a", .file_sha256 = std::string(64, 'a')},
                       {.name = "b", .model = "m-b", .file_sha256 = std::string(64, 'b')}};
    policy_.virtuals = {{.name = "auto", .targets = {"a", "b"}}};
    backend_.models["m-a"].steps = Says({"four", "."});
    backend_.models["m-b"].steps = Says({"five"});
  }
  ~DraftCheckTest() override { EXPECT_EQ(backend_.live_streams, 0); }

  void FindsRight() { backend_.models["m-b"].scores = {-0.001}; }
  void FindsWrong() { backend_.models["m-b"].scores = {-5}; }

  std::unique_ptr<Generation> Start(const Asked& asked = {.whole = true},
                                    std::string_view text = kSum) {
    chat::GenerateRequest request{.model = "auto"};
    request.messages.push_back({.role = chat::Role::kUser, .parts = {{.text = std::string(text)}}});
    return std::move(Generate(gateway_, asked, std::move(request)).value());
  }
  std::string Hear(Generation& generation) { return gateway::Hear(loop_, generation); }
  std::vector<std::string> Attempts(const Generation& generation) {
    std::vector<std::string> lines;
    for (const auto& attempt : gateway_.decisions.Find(generation.decision_id())->attempts) {
      lines.push_back(attempt.target + ":" + attempt.outcome);
    }
    return lines;
  }

  Loop loop_;
  backends::FakeBackend backend_;
  routing::Policy policy_;
  const std::shared_ptr<const routing::DraftCheck> known_ =
      std::make_shared<const routing::DraftCheck>(*routing::DraftCheck::Parse(kCalibrated));
  Gateway gateway_{.clock = SystemClock(),
                   .engines = backend_,
                   .policy = [this] { return std::make_shared<const routing::Policy>(policy_); },
                   .draft_check = known_};
};

TEST_F(DraftCheckTest, ADraftThatIsFoundRightIsTheAnswer) {
  FindsRight();
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "four.");
  EXPECT_THAT(backend_.asked, ElementsAre("m-a", "m-b"));
  EXPECT_EQ(backend_.requests.size(), 1u) << "the larger model generates nothing";
  ASSERT_TRUE(generation->checked());
  EXPECT_EQ(generation->checked()->checker, "b");
  EXPECT_NEAR(generation->checked()->verdict.confidence, 9500, 10);
  EXPECT_EQ(generation->target().name, "a");
  EXPECT_THAT(Attempts(*generation), ElementsAre("a:served"));
}

TEST_F(DraftCheckTest, TheCheckerReadsQuestionAndDraft) {
  FindsRight();
  Hear(*Start());
  ASSERT_EQ(backend_.scored.size(), 1u);
  const auto& messages = backend_.scored[0].messages;
  ASSERT_EQ(messages.size(), 1u) << "the chat alone, so that its cells serve the next answer";
  EXPECT_EQ(messages[0].parts.at(0).text, kSum);
  EXPECT_THAT(backend_.scored[0].continuations, ElementsAre("four."));
}

TEST_F(DraftCheckTest, ADraftThatIsFoundWrongIsAnsweredByTheLargerModel) {
  FindsWrong();
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "five");
  EXPECT_EQ(generation->target().name, "b");
  ASSERT_TRUE(generation->checked());
  EXPECT_FALSE(generation->checked()->verdict.accepted);
  EXPECT_THAT(Attempts(*generation), ElementsAre("a:draft_rejected", "b:served"));
  EXPECT_THAT(gateway_.decisions.Find(generation->decision_id())->notes,
              ElementsAre(HasSubstr("answered again")));
}

TEST_F(DraftCheckTest, ARefusalIsNotReadByTheCheckerFirst) {
  FindsRight();
  backend_.models["m-a"].steps = Says({"I'm sorry, but I can't add."});
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "five");
  EXPECT_TRUE(backend_.scored.empty());
  EXPECT_EQ(generation->checked()->fault, routing::DraftFault::kRefusal);
}

TEST_F(DraftCheckTest, ARejectedDraftIsBetterThanNoAnswer) {
  FindsWrong();
  backend_.models["m-b"].steps = {Error{Code::kBackendFailed, "it broke", "", "backend_failed"}};
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "four.");
  EXPECT_EQ(generation->target().name, "a");
  EXPECT_THAT(Attempts(*generation),
              ElementsAre("a:draft_rejected", "b:backend_failed", "a:served"));
}

TEST_F(DraftCheckTest, ARejectedDraftIsServedWhenTheDeadlinePassesDuringTheLargerModelsAnswer) {
  FindsWrong();
  backend_.models["m-b"].steps = {backends::Silence{}};
  const auto generation = Start({.whole = true, .deadline = std::chrono::milliseconds(50)});
  EXPECT_EQ(Hear(*generation), "four.");
  EXPECT_EQ(generation->target().name, "a");
  ASSERT_TRUE(generation->checked());
  EXPECT_FALSE(generation->checked()->verdict.accepted) << "its low confidence is said";
  EXPECT_THAT(Attempts(*generation),
              ElementsAre("a:draft_rejected", "b:deadline_exceeded", "a:served"));
}

TEST_F(DraftCheckTest, TheCheckAndARejectedDraftAreBookedAndTold) {
  FakeAccounts accounts;
  gateway_.accounts = &accounts;
  FindsWrong();
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "five");
  std::vector<std::string> settled;
  for (const auto& [target, outcome] : accounts.settled) settled.push_back(target);
  EXPECT_THAT(settled, ElementsAre("a", "b", "b")) << "draft, check, answer";
  EXPECT_EQ(accounts.opened[1].features.task, routing::Task::kScore);
  EXPECT_EQ(accounts.opened[1].decision_id, generation->decision_id());
  EXPECT_EQ(accounts.unsettled, 0);
  std::vector<std::string> beside;
  for (const SideWork& work : generation->TakeSideWork()) beside.push_back(work.target.name);
  EXPECT_THAT(beside, ElementsAre("b", "a"));
  EXPECT_TRUE(generation->TakeSideWork().empty()) << "once";
}

TEST_F(DraftCheckTest, ADraftThatIsServedAfterAllCostsWhatItCost) {
  FakeAccounts accounts;
  gateway_.accounts = &accounts;
  FindsWrong();
  backend_.models["m-b"].steps = {Error{Code::kBackendFailed, "it broke", "", "backend_failed"}};
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "four.");
  EXPECT_EQ(generation->booked().currency, "USD");
  EXPECT_TRUE(generation->booked().cost) << "it was booked as an answer";
  for (const SideWork& work : generation->TakeSideWork()) EXPECT_EQ(work.target.name, "b");
  const auto* record = gateway_.decisions.Find(generation->decision_id());
  ASSERT_TRUE(record->served);
  EXPECT_EQ(record->served->target, "a");
  EXPECT_TRUE(record->ended);
  ASSERT_TRUE(record->checked);
  EXPECT_EQ(record->checked->at_milli, -5'000);
  EXPECT_EQ(record->checked->draft_model, "m-a");
}

TEST_F(DraftCheckTest, ACheckThatNoBudgetPaysForLetsTheDraftPass) {
  FakeAccounts accounts;
  accounts.refusals["b"] = Error{Code::kRateLimited, "empty", "", "budget_exhausted"};
  gateway_.accounts = &accounts;
  FindsWrong();
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "four.");
  EXPECT_TRUE(backend_.scored.empty());
  EXPECT_THAT(gateway_.decisions.Find(generation->decision_id())->notes,
              ElementsAre(HasSubstr("budget_exhausted")));
}

TEST_F(DraftCheckTest, ACheckerThatFailsLetsTheDraftPass) {
  backend_.models["m-b"].refusal = Error{Code::kUnavailable, "no room", "", ""};
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "four.");
  EXPECT_FALSE(generation->checked());
  EXPECT_THAT(gateway_.decisions.Find(generation->decision_id())->notes,
              ElementsAre(HasSubstr("not checked")));
}

TEST_F(DraftCheckTest, ACheckThatOutlastsTheDeadlineLetsTheDraftPass) {
  FindsWrong();
  backend_.models["m-b"].load_time = std::chrono::hours(1);
  const auto generation = Start({.whole = true, .deadline = std::chrono::milliseconds(20)});
  EXPECT_THAT(Hear(*generation), testing::AnyOf("four.", HasSubstr("deadline")));
  EXPECT_EQ(backend_.requests.size(), 1u);
}

TEST_F(DraftCheckTest, ADraftThatFailsMovesOnUnchecked) {
  backend_.models["m-a"].steps = {Error{Code::kBackendFailed, "it broke", "", "backend_failed"}};
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "five");
  EXPECT_TRUE(backend_.scored.empty());
}

TEST_F(DraftCheckTest, AStreamIsHeldBackWhereTheRouteBuffers) {
  FindsWrong();
  EXPECT_EQ(Hear(*Start({.whole = false})), "four.");
  EXPECT_TRUE(backend_.scored.empty());
  policy_.virtuals[0].buffer = true;
  EXPECT_EQ(Hear(*Start({.whole = false})), "five");
}

TEST_F(DraftCheckTest, TheUsersConfidenceDecides) {
  backend_.models["m-b"].scores = {-1};  // 52.5 %, and the larger model 60 %
  EXPECT_EQ(Hear(*Start()), "five");
  policy_.virtuals[0].confidence_min = 5'000;
  EXPECT_EQ(Hear(*Start()), "four.");
  policy_.virtuals[0].confidence_min = 0;
  backend_.scored.clear();
  EXPECT_EQ(Hear(*Start()), "four.");
  EXPECT_TRUE(backend_.scored.empty()) << "0 is off";
}

TEST_F(DraftCheckTest, WhereNobodyCalibratedItAbstainsAndSaysSo) {
  FindsWrong();
  const auto general = Start({.whole = true}, "Write a poem.");
  EXPECT_EQ(Hear(*general), "four.");
  EXPECT_THAT(general->decision().explanation.back(), HasSubstr("not calibrated for general"));
  EXPECT_TRUE(backend_.scored.empty());
}

TEST_F(DraftCheckTest, WhereACheckDoesNotPayTheBetterModelComesFirst) {
  for (const bool whole : {true, false}) {
    const auto generation = Start({.whole = whole}, "Fix ```x = 1```");
    EXPECT_EQ(Hear(*generation), "five") << "streamed or not";
    EXPECT_EQ(generation->target().name, "b");
    EXPECT_THAT(generation->decision().explanation.back(), HasSubstr("of code tasks it has 0.84"));
  }
  EXPECT_TRUE(backend_.scored.empty());
  policy_.virtuals[0].confidence_min = 4'000;
  EXPECT_EQ(Hear(*Start({.whole = true}, "Fix ```x = 1```")), "four.") << "41 % is enough";
}

TEST_F(DraftCheckTest, AModelThatWasAskedForByNameIsNotChecked) {
  FindsWrong();
  policy_.virtuals[0].name = "other";
  chat::GenerateRequest request{.model = "a"};
  request.messages.push_back({.role = chat::Role::kUser, .parts = {{.text = std::string(kSum)}}});
  const auto generation = std::move(Generate(gateway_, {.whole = true}, request).value());
  EXPECT_EQ(Hear(*generation), "four.");
  EXPECT_TRUE(backend_.scored.empty());
}

}  // namespace
}  // namespace weir::gateway
