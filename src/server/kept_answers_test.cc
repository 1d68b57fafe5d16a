#include "server/kept_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace weir::server {
namespace {

KeptAnswer AnswerOf(std::string body) {
  return {.reply = {.status = 200, .body = std::move(body)}};
}

class KeptAnswersTest : public testing::Test {
 protected:
  Result<KeptAnswers::Begun> Begin(std::string_view key, std::string request = "r",
                                   std::string_view caller = "anna") {
    return answers_.Begin(caller, key, std::move(request), now_);
  }
  void Keep(std::string_view key, std::string body) {
    auto begun = Begin(key);
    ASSERT_TRUE(begun && begun->claim);
    begun->claim->Keep(AnswerOf(std::move(body)));
  }
  bool Knows(std::string_view key) {
    auto begun = Begin(key);
    return begun && begun->answer != nullptr;
  }

  KeptAnswers answers_;
  MonotonicTime now_{};
};

TEST_F(KeptAnswersTest, GivesTheAnswerToTheSameCallerAndRequestAlone) {
  Keep("k", "said");
  const auto again = Begin("k");
  ASSERT_TRUE(again && again->answer);
  EXPECT_EQ(again->answer->reply.body, "said");
  EXPECT_TRUE(Begin("k", "r", "bert")->claim.has_value());
  const auto other = Begin("k", "another request");
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Code::kUnprocessable);
  EXPECT_EQ(other.error().reason, "idempotency_key_reused");
  EXPECT_EQ(other.error().param, "idempotency-key");
}

TEST_F(KeptAnswersTest, ARequestAtWorkIsAConflictUntilItEnds) {
  {
    const auto first = Begin("k");
    ASSERT_TRUE(first && first->claim);
    const auto second = Begin("k");
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, Code::kConflict);
    EXPECT_EQ(second.error().retry_after_s, 1);
  }
  EXPECT_TRUE(Begin("k")->claim.has_value()) << "what ended without an answer left its key";
}

TEST_F(KeptAnswersTest, AKeyIsShortVisibleText) {
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("\xc3\xa9"),
                                 std::string(KeptAnswers::kKeyBytesMax + 1, 'k')}) {
    const auto refused = Begin(bad);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  }
  EXPECT_TRUE(Begin(std::string(KeptAnswers::kKeyBytesMax, 'k')).has_value());
}

TEST_F(KeptAnswersTest, ForgetsAfterADay) {
  Keep("k", "said");
  now_ += KeptAnswers::kFor;
  EXPECT_TRUE(Knows("k"));
  now_ += std::chrono::seconds(1);
  EXPECT_FALSE(Knows("k"));
  EXPECT_EQ(answers_.bytes(), 0u);
}

TEST_F(KeptAnswersTest, BytesAndCountAreBoundedAndTheOldestGoes) {
  const size_t half = KeptAnswers::kAnswerBytesMax;
  for (int i = 0; i < 5; ++i) Keep("k" + std::to_string(i), std::string(half - 8, 'x'));
  EXPECT_LE(answers_.bytes(), KeptAnswers::kBytesMax);
  EXPECT_FALSE(Knows("k0"));
  EXPECT_TRUE(Knows("k4"));
  Keep("long", std::string(half + 1, 'x'));
  EXPECT_FALSE(Knows("long"));
}

TEST_F(KeptAnswersTest, AsManyAreAtWorkAsMayBe) {
  std::vector<KeptAnswers::Claim> claims;
  for (size_t i = 0; i < KeptAnswers::kAnswersMax; ++i) {
    claims.push_back(std::move(*Begin("k" + std::to_string(i))->claim));
  }
  const auto refused = Begin("more");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  claims.pop_back();
  EXPECT_TRUE(Begin("more").has_value());
}

}  // namespace
}  // namespace weir::server
