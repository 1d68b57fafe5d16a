#include "gateway/rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/run_for_test.h"
#include "backends/fake_backend.h"

namespace weir::gateway {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

chat::Message Said(chat::Role role, std::string text) {
  return {.role = role, .parts = {{.text = std::move(text)}}};
}

std::vector<chat::Message> Talk() {
  return {Said(chat::Role::kSystem, "You are a guide."),
          Said(chat::Role::kUser, "Who built the silo?"),
          Said(chat::Role::kAssistant, "Ottoline Brandt."), Said(chat::Role::kUser, "and when?")};
}

class RewriteTest : public testing::Test {
 protected:
  RewriteTest() {
    policy_.targets = {{.name = "small", .model = "m-s"}};
    policy_.virtuals = {
        {.name = "device", .targets = {"small"}, .tier_max = routing::Tier::kDevice}};
  }
  Rewritten Rewrite(Asked asked = {}) {
    return RunForTest(loop_, RewriteQuestion(gateway_, std::move(asked), Talk()));
  }

  Loop loop_;
  backends::FakeBackend backend_;
  routing::Policy policy_;
  Gateway gateway_{.clock = SystemClock(), .engines = backend_, .policy = [this] {
                     return std::make_shared<const routing::Policy>(policy_);
                   }};
};

TEST_F(RewriteTest, AModelOfThisMachineWritesTheQuery) {
  backend_.models["m-s"].steps = backends::Says({"when was ", "the silo built\n", "Because"});
  const Rewritten rewritten = Rewrite();
  EXPECT_EQ(rewritten.query, "when was the silo built");
  ASSERT_TRUE(rewritten.work);
  EXPECT_EQ(rewritten.work->target.name, "small");
  EXPECT_EQ(rewritten.work->usage.completion_tokens, 3);
  ASSERT_EQ(backend_.requests.size(), 1u);
  const std::string asked = chat::TextOf(backend_.requests[0].messages.back());
  EXPECT_EQ(asked, "User: Who built the silo?\nAssistant: Ottoline Brandt.\nUser: and when?");
}

TEST_F(RewriteTest, WithoutSuchAModelTheQuestionStays) {
  policy_.targets.clear();
  EXPECT_EQ(Rewrite().query, "");
  EXPECT_TRUE(backend_.asked.empty());
}

TEST_F(RewriteTest, AFailureIsNoFailureOfTheSearch) {
  backend_.models["m-s"].refusal = Error{Code::kBackendFailed, "it fell over"};
  const Rewritten rewritten = Rewrite();
  EXPECT_EQ(rewritten.query, "");
  EXPECT_FALSE(rewritten.work);
}

TEST(RewriteRequest, HasTheLastTurnsCut) {
  std::vector<chat::Message> talk;
  for (int i = 0; i < 20; ++i) {
    talk.push_back(Said(i % 2 == 0 ? chat::Role::kUser : chat::Role::kAssistant,
                        "turn" + std::to_string(i) + std::string(5000, 'x')));
  }
  talk.push_back(Said(chat::Role::kTool, "tool's words"));
  talk.push_back(Said(chat::Role::kUser, "the question"));
  const chat::GenerateRequest request = RewriteRequest(talk);
  const std::string text = chat::TextOf(request.messages.back());
  EXPECT_THAT(text, EndsWith("User: the question"));
  EXPECT_THAT(text, HasSubstr("turn14"));
  EXPECT_THAT(text, Not(HasSubstr("turn13x")));
  EXPECT_THAT(text, Not(HasSubstr("tool's")));
  EXPECT_LT(text.size(), 6u * 1100);
  EXPECT_EQ(request.model, "device");
}

TEST(QueryOf, IsOneLineWithoutQuotes) {
  EXPECT_EQ(QueryOf("  \"height of the silo\"\nIt means ..."), "height of the silo");
  EXPECT_EQ(QueryOf(" \n\t"), "");
  EXPECT_EQ(QueryOf("**tides**"), "tides");
  EXPECT_LE(QueryOf(std::string(5000, 'a')).size(), 512u);
}

}  // namespace
}  // namespace weir::gateway
