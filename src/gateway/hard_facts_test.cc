#include "gateway/hard_facts.h"

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
using testing::IsEmpty;

const std::vector<std::string> kRefusal = {"I'm sorry, ", "but I can't help with that."};

// Nothing is calibrated for these two.
class HardFactsTest : public testing::Test {
 protected:
  HardFactsTest() {
    policy_.targets = {{.name = "a", .model = "m-a"}, {.name = "b", .model = "m-b"}};
    policy_.virtuals = {{.name = "auto", .targets = {"a", "b"}}};
    backend_.models["m-a"].steps = Says(kRefusal);
    backend_.models["m-b"].steps = Says({"five"});
  }
  ~HardFactsTest() override { EXPECT_EQ(backend_.live_streams, 0); }

  std::unique_ptr<Generation> Start(bool whole = true, chat::ResponseFormat format = {}) {
    chat::GenerateRequest request{.model = "auto", .response_format = std::move(format)};
    request.messages.push_back({.parts = {{.text = "Which number is it?"}}});
    return std::move(Generate(gateway_, {.whole = whole}, std::move(request)).value());
  }
  std::string Hear(Generation& generation) { return gateway::Hear(loop_, generation); }
  const DecisionRecord& RecordOf(const Generation& generation) {
    return *gateway_.decisions.Find(generation.decision_id());
  }

  Loop loop_;
  backends::FakeBackend backend_;
  routing::Policy policy_;
  Gateway gateway_{.clock = SystemClock(), .engines = backend_, .policy = [this] {
                     return std::make_shared<const routing::Policy>(policy_);
                   }};
};

TEST_F(HardFactsTest, ARefusalIsAnsweredAgainByTheNext) {
  FakeAccounts accounts;
  gateway_.accounts = &accounts;
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "five");
  EXPECT_EQ(generation->target().name, "b");
  ASSERT_TRUE(generation->checked());
  EXPECT_EQ(generation->checked()->gate, routing::GateKind::kHardFacts);
  EXPECT_EQ(generation->checked()->fault, routing::DraftFault::kRefusal);
  EXPECT_FALSE(generation->checked()->verdict.accepted);
  const DecisionRecord& record = RecordOf(*generation);
  EXPECT_THAT(record.notes, ElementsAre(HasSubstr("it refuses to answer; b answers again")));
  EXPECT_EQ(record.attempts.at(0).outcome, kDraftRejected);
  ASSERT_TRUE(record.checked);
  EXPECT_EQ(record.checked->fault, routing::DraftFault::kRefusal);
  EXPECT_FALSE(backend_.requests[0].logprobs) << "no gate looks at its tokens";
  EXPECT_EQ(accounts.settled.size(), 2u) << "both were computed";
  EXPECT_EQ(accounts.unsettled, 0);
}

TEST_F(HardFactsTest, AnyOtherAnswerComesOutUnjudged) {
  backend_.models["m-a"].steps = Says({"It is ", "four."});
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "It is four.");
  EXPECT_FALSE(generation->checked()) << "nothing says how sure it is";
  EXPECT_THAT(RecordOf(*generation).notes, IsEmpty());
  EXPECT_THAT(backend_.asked, ElementsAre("m-a"));
}

TEST_F(HardFactsTest, ARefusalIsServedWhereNobodyElseCanAnswer) {
  backend_.models["m-b"].refusal = Error{Code::kUnavailable, "down", "", "down"};
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "I'm sorry, but I can't help with that.");
  EXPECT_EQ(generation->target().name, "a");
  EXPECT_FALSE(generation->checked()->verdict.accepted);
}

TEST_F(HardFactsTest, AStreamIsNotHeldBackForIt) {
  const auto generation = Start(/*whole=*/false);
  EXPECT_EQ(Hear(*generation), "I'm sorry, but I can't help with that.");
  EXPECT_FALSE(generation->checked());
}

TEST_F(HardFactsTest, WhatDoesNotHaveTheFormThatWasAskedForIsAnsweredAgain) {
  backend_.models["m-a"].steps = Says({"It is four."});
  backend_.models["m-b"].steps = Says({R"({"number":5})"});
  const auto generation = Start(true, {.kind = chat::ResponseFormat::Kind::kJsonObject});
  EXPECT_EQ(Hear(*generation), R"({"number":5})");
  EXPECT_EQ(generation->checked()->fault, routing::DraftFault::kInvalidAnswer);
}

TEST_F(HardFactsTest, AChoiceThatNobodyAskedForIsNotKept) {
  backend_.models["m-a"].steps = {chat::Event(chat::Delta{.choice = 5, .text = "?"})};
  const auto generation = Start();
  EXPECT_FALSE(*RunForTest(loop_, generation->Next(std::chrono::seconds(10))) == std::nullopt);
}

TEST_F(HardFactsTest, ALongAnswerIsNotKept) {
  const std::string page(HeldDraft::kDraftBytesMax / 2 + 1, 'x');
  backend_.models["m-a"].steps = Says({"I'm sorry, but I can't. ", page, page, "end"});
  EXPECT_EQ(Hear(*Start()).size(), 24 + 2 * page.size() + 3);
}

}  // namespace
}  // namespace weir::gateway
