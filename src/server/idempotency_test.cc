#include "server/idempotency.h"

#include "server/site_for_test.h"

namespace weir::server {
namespace {

using testing::HasSubstr;

class IdempotencyTest : public SiteTest {
 protected:
  IdempotencyTest() { site_->kept_answers = &answers_; }

  std::unique_ptr<http::FakeExchange> Ask(const std::string& key, std::string_view more = "",
                                          HeaderList headers = {}) {
    headers.emplace_back("idempotency-key", key);
    return Chat(headers, more);
  }
  static bool Replayed(const http::FakeExchange& exchange) {
    return Header(exchange, "idempotent-replayed") == "true";
  }

  KeptAnswers answers_;
};

TEST_F(IdempotencyTest, TheSameRequestGetsTheSameAnswerAndNothingIsComputed) {
  const auto first = Ask("one");
  ASSERT_EQ(first->status(), 200);
  EXPECT_FALSE(Replayed(*first));
  backend_.models["m-small"].steps = backends::Says({"Something else"});
  const auto again = Ask("one");
  EXPECT_EQ(again->status(), 200);
  EXPECT_EQ(again->body(), first->body());
  EXPECT_TRUE(Replayed(*again));
  EXPECT_EQ(Header(*again, "x-weir-decision"), Header(*first, "x-weir-decision"));
  EXPECT_EQ(Header(*again, "x-weir-tier"), "device");
  EXPECT_EQ(again->headers().Count("content-type"), 1u);
  EXPECT_EQ(again->headers().Count("x-request-id"), 1u);
  EXPECT_NE(Header(*again, "x-request-id"), Header(*first, "x-request-id"));
  EXPECT_THAT(Ask("two")->body(), HasSubstr("Something else"));
}

TEST_F(IdempotencyTest, AStreamComesAgainAsAStream) {
  const auto first = Ask("one", R"(,"stream":true)");
  const auto again = Ask("one", R"(,"stream":true)");
  EXPECT_TRUE(again->streamed());
  EXPECT_TRUE(again->finished());
  EXPECT_EQ(again->body(), first->body());
  EXPECT_TRUE(Replayed(*again));
}

TEST_F(IdempotencyTest, AKeyBelongsToOneRequest) {
  ASSERT_EQ(Ask("one")->status(), 200);
  const auto body = Ask("one", R"(,"max_tokens":7)");
  EXPECT_EQ(body->status(), 422);
  EXPECT_THAT(body->body(), HasSubstr("idempotency_key_reused"));
  EXPECT_EQ(Ask("one", "", {{"x-weir-label", "secret"}})->status(), 422);
  EXPECT_EQ(Ask("one", "", {{"x-weir-project", "hr"}})->status(), 422);
  // How urgent it is does not change what it is.
  EXPECT_TRUE(Replayed(*Ask("one", "", {{"x-weir-deadline-ms", "5000"}})));
}

TEST_F(IdempotencyTest, AnotherKeysCallerHasAnswersOfItsOwn) {
  const auto anna = Key({.name = "anna"});
  const auto bert = Key({.name = "bert"});
  ASSERT_EQ(Ask("one", "", With(anna))->status(), 200);
  EXPECT_FALSE(Replayed(*Ask("one", "", With(bert))));
  EXPECT_TRUE(Replayed(*Ask("one", "", With(anna))));
  ASSERT_TRUE(keys_->Revoke("anna", SystemClock().WallNow()).has_value());
  EXPECT_EQ(Ask("one", "", With(anna))->status(), 401);
}

TEST_F(IdempotencyTest, WhatFailedIsComputedAgain) {
  backend_.models["m-small"].steps = {Error{Code::kBackendFailed, "broke"}};
  backend_.models["m-large"].steps = backend_.models["m-small"].steps;
  EXPECT_GE(Ask("one")->status(), 500);
  EXPECT_EQ(Ask("stream", R"(,"stream":true)")->status(), 503);
  backend_.models["m-small"].steps = backends::Says({"Well again"});
  const auto again = Ask("one");
  EXPECT_EQ(again->status(), 200);
  EXPECT_FALSE(Replayed(*again));
}

TEST_F(IdempotencyTest, AStreamThatBrokeOrWasLeftIsComputedAgain) {
  using backends::Says;
  auto steps = Says({"Hello", " there"});
  steps.resize(steps.size() - 1);  // no end
  steps.push_back(Error{Code::kBackendFailed, "broke"});
  backend_.models["m-small"].steps = steps;
  EXPECT_EQ(Ask("one", R"(,"stream":true)")->status(), 200);
  backend_.models["m-small"].steps = Says({"Hello", " there"});
  EXPECT_FALSE(Replayed(*Ask("one", R"(,"stream":true)")));

  auto request = RequestOf("POST", "/v1/chat/completions", ChatBody(R"(,"stream":true)"),
                           {{"idempotency-key", "two"}});
  http::FakeExchange left(std::move(request));
  left.LeaveAfterWrites(0);
  RunForTest(loop_, Serve(*site_, left));
  EXPECT_FALSE(Replayed(*Ask("two", R"(,"stream":true)")));
}

TEST_F(IdempotencyTest, AnAnswerThatTheClientDidNotWaitForIsKept) {
  auto request =
      RequestOf("POST", "/v1/chat/completions", ChatBody(), {{"idempotency-key", "one"}});
  http::FakeExchange lost(std::move(request));
  lost.Leave();
  RunForTest(loop_, Serve(*site_, lost));
  EXPECT_TRUE(Replayed(*Ask("one")));
}

TEST_F(IdempotencyTest, AKeyThatCannotBeIs400) {
  for (const char* bad : {"", "two words"}) {
    const auto refused = Ask(bad);
    EXPECT_EQ(refused->status(), 400) << bad;
    EXPECT_THAT(refused->body(), HasSubstr("idempotency-key"));
  }
  EXPECT_EQ(Ask("one", "", {{"idempotency-key", "another"}})->status(), 400);
}

TEST_F(IdempotencyTest, WhatMayHoldSecretsIsNotKept) {
  const HeaderList headers = {{"idempotency-key", "one"}};
  const auto first = Do("POST", "/weir/v1/keys", R"({"name":"a"})", headers);
  EXPECT_EQ(first->status(), 201) << first->body();
  EXPECT_EQ(answers_.bytes(), 0u);
}

}  // namespace
}  // namespace weir::server
