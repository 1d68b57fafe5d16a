#include "gateway/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "async/run_for_test.h"
#include "backends/fake_backend.h"
#include "gateway/embed.h"
#include "gateway/fake_accounts.h"
#include "gateway/generate.h"

namespace weir::gateway {
namespace {

using backends::Says;
using Status = Outcome::Status;
using std::chrono::seconds;

class AccountsTest : public testing::Test {
 protected:
  AccountsTest() {
    policy_.targets = {{.name = "a", .model = "m-a", .embeds = true},
                       {.name = "b", .model = "m-b", .embeds = true},
                       {.name = "va", .model = "m-a", .generates = false, .embeds = true}};
    policy_.virtuals = {{.name = "auto", .targets = {"a", "b"}}};
    backend_.models["m-a"].steps = Says({"one ", "two"});
    backend_.models["m-b"].steps = Says({"B"});
    gateway_.accounts = &accounts_;
  }
  std::unique_ptr<Generation> Start(const std::string& model = "auto") {
    return Generate(gateway_, {}, {.model = model, .prompts = {{.text = "hello"}}}).value();
  }
  Result<std::optional<chat::Event>> Next(Generation& generation) {
    return RunForTest(loop_, generation.Next(seconds(10)));
  }
  Error Hear(Generation& generation) {
    for (;;) {
      const auto event = Next(generation);
      if (!event) return event.error();
      if (*event && std::holds_alternative<chat::Done>(**event)) return {};
    }
  }

  Loop loop_;
  backends::FakeBackend backend_;
  FakeAccounts accounts_;
  routing::Policy policy_;
  Gateway gateway_{.clock = SystemClock(), .engines = backend_, .policy = [this] {
                     return std::make_shared<const routing::Policy>(policy_);
                   }};
};

TEST_F(AccountsTest, AnAnswerIsSettledOnceWithWhatWasReported) {
  {
    const auto generation = Start();
    Hear(*generation);
    EXPECT_EQ(generation->booked().cost, 5);
    EXPECT_EQ(generation->booked().currency, "USD");
  }
  ASSERT_EQ(accounts_.opened.size(), 1u);
  EXPECT_EQ(accounts_.opened[0].target.name, "a");
  EXPECT_EQ(accounts_.opened[0].extent.prompt_bytes, 5);
  ASSERT_EQ(accounts_.settled.size(), 1u);
  EXPECT_EQ(accounts_.settled[0].second.status, Status::kServed);
  EXPECT_EQ(accounts_.settled[0].second.reported.completion_tokens, 2);
  EXPECT_EQ(accounts_.unsettled, 0);
}

TEST_F(AccountsTest, AnAnswerThatIsLeftIsSettledWithWhatCame) {
  {
    const auto generation = Start();
    Next(*generation).value();  // started
    Next(*generation).value();  // "one "
  }
  ASSERT_EQ(accounts_.settled.size(), 1u);
  const Outcome& outcome = accounts_.settled[0].second;
  EXPECT_EQ(outcome.status, Status::kCancelled);
  EXPECT_EQ(outcome.counted.prompt_tokens, 3);
  EXPECT_EQ(outcome.counted.completion_tokens, 2);  // four bytes
}

TEST_F(AccountsTest, AnAnswerThatBreaksIsSettledAsAFailure) {
  backend_.models["m-a"].steps = {chat::Event(chat::Delta{.text = "half"}),
                                  Error{Code::kBackendFailed, "it broke", "", "stream_cut"}};
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation).code, Code::kBackendFailed);
  ASSERT_EQ(accounts_.settled.size(), 1u);
  EXPECT_EQ(accounts_.settled[0].second.status, Status::kFailed);
  EXPECT_EQ(accounts_.settled[0].second.reason, "stream_cut");
}

TEST_F(AccountsTest, EveryAttemptHasAnAccountOfItsOwn) {
  backend_.models["m-a"].refusal = Error{Code::kUnavailable, "no room"};
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation).message, "");
  ASSERT_EQ(accounts_.settled.size(), 2u);
  EXPECT_EQ(accounts_.settled[0].first, "a");
  EXPECT_EQ(accounts_.settled[0].second.status, Status::kFailed);
  EXPECT_FALSE(accounts_.settled[0].second.may_have_cost);
  EXPECT_EQ(accounts_.settled[1].first, "b");
  EXPECT_EQ(accounts_.settled[1].second.status, Status::kServed);
}

TEST_F(AccountsTest, WhereABudgetIsEmptyTheNextTargetAnswers) {
  accounts_.refusals["a"] = {Code::kRateLimited, "no money", "", "budget_exhausted", 60};
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation).message, "");
  EXPECT_EQ(generation->target().name, "b");
}

TEST_F(AccountsTest, WhereEveryBudgetIsEmptyItIs429WithTheTimeToComeBack) {
  accounts_.refusals["a"] = {Code::kRateLimited, "no money", "", "budget_exhausted", 60};
  accounts_.refusals["b"] = accounts_.refusals["a"];
  const auto generation = Start();
  const Error error = Hear(*generation);
  EXPECT_EQ(error.code, Code::kRateLimited);
  EXPECT_EQ(error.reason, "budget_exhausted");
  EXPECT_EQ(error.retry_after_s, 60);
  EXPECT_TRUE(backend_.asked.empty());
}

TEST_F(AccountsTest, ABudgetThatRefusesEndsTheRequest) {
  accounts_.refusals["a"] = {Code::kRateLimited, "no money", "", "budget_refuses", 60};
  const auto generation = Start();
  const Error error = Hear(*generation);
  EXPECT_EQ(error.code, Code::kRateLimited);
  EXPECT_EQ(error.reason, "budget_exhausted");
  EXPECT_TRUE(backend_.asked.empty());
}

TEST_F(AccountsTest, VectorsAndScoresHaveAccountsToo) {
  const auto embedded =
      RunForTest(loop_, Embed(gateway_, {}, {.model = "va", .inputs = {{.text = "x"}}}));
  ASSERT_TRUE(embedded.has_value());
  EXPECT_EQ(embedded->booked.cost, 2);
  backend_.models["m-a"].refusal = Error{Code::kUnavailable, "no room"};
  const auto scored =
      RunForTest(loop_, Score(gateway_, {}, {.model = "auto", .continuations = {"x"}}));
  ASSERT_TRUE(scored.has_value());
  ASSERT_EQ(accounts_.settled.size(), 3u);
  EXPECT_EQ(accounts_.settled[1].second.status, Status::kFailed);
  EXPECT_EQ(accounts_.settled[2].first, "b");
}

TEST_F(AccountsTest, AKeyAsksForWhatItMayAskAlone) {
  chat::Principal principal;
  principal.grant = std::make_shared<const chat::Grant>(chat::Grant{.models = {"auto", "b*"}});
  const Asked asked{.principal = principal};
  EXPECT_TRUE(Generate(gateway_, asked, {.model = "auto"}).has_value());
  EXPECT_EQ(Generate(gateway_, asked, {.model = "a"}).error().reason, "model_not_allowed");
  EXPECT_EQ(RunForTest(loop_, Embed(gateway_, asked, {.model = "a", .inputs = {{.text = "x"}}}))
                .error()
                .reason,
            "model_not_allowed");
}

TEST(Extent, BoundsThePromptAndTheAnswer) {
  const chat::GenerateRequest request{
      .messages = {{.parts = {{.text = std::string(100, 'x')}}}}, .n = 3, .max_tokens = 50};
  const Extent extent = ExtentOf(request);
  EXPECT_EQ(extent.prompt_bytes, 100);
  EXPECT_GE(extent.prompt_tokens_max, 100);
  EXPECT_EQ(extent.answer_tokens_max, 150);
  EXPECT_EQ(ExtentOf(chat::GenerateRequest{}).answer_tokens_max, std::nullopt);
  EXPECT_EQ(ExtentOf(chat::EmbedRequest{.inputs = {{.text = "abc"}}}).answer_tokens_max, 0);
}

}  // namespace
}  // namespace weir::gateway
