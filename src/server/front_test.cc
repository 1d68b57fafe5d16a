#include "server/front.h"

#include <array>
#include <new>

#include "server/route_table.h"
#include "server/site_for_test.h"
#include "server/status.h"

namespace weir::server {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class FrontTest : public SiteTest {
 protected:
  int StatusWith(const HeaderList& headers, std::string path = "/v1/models") {
    return Do("GET", std::move(path), "", headers)->status();
  }
};

TEST_F(FrontTest, WithoutKeysEverybodyMayEverything) {
  EXPECT_EQ(StatusWith({}), 200);
  EXPECT_EQ(StatusWith({{"authorization", "Bearer anything"}}), 200);
  EXPECT_EQ(StatusWith({}, "/weir/v1/keys"), 200);
}

TEST_F(FrontTest, WithKeysACredentialIsNeeded) {
  const auto key = Key({.name = "k"});
  const auto refused = Do("GET", "/v1/models");
  EXPECT_EQ(refused->status(), 401);
  EXPECT_EQ(Header(*refused, "www-authenticate"), "Bearer");
  EXPECT_THAT(refused->body(), HasSubstr("key_missing"));
  EXPECT_EQ(StatusWith(With(key)), 200);
  EXPECT_EQ(StatusWith({{"authorization", "bearer " + key.secret}}), 200);
  EXPECT_EQ(StatusWith({{"x-api-key", key.secret}}), 200);
  EXPECT_EQ(StatusWith({{"api-key", key.secret}}), 200);
  EXPECT_EQ(StatusWith({{"x-chroma-token", key.secret}}), 200);
  EXPECT_EQ(StatusWith({{"x-api-key", key.secret}, {"authorization", "Bearer " + key.secret}}),
            200);
}

TEST_F(FrontTest, ACredentialThatIsWrongIsRefusedAndNotRepeated) {
  const auto key = Key({.name = "k"});
  const auto other = Key({.name = "other"});
  const HeaderList cases[] = {
      {{"authorization", "Bearer " + key.secret.substr(1)}},
      {{"authorization", "Basic " + key.secret}},
      {{"authorization", "Bearer "}},
      {{"authorization", "Bearer"}},
      {{"x-api-key", "weir_sk_wrong"}},
      {{"x-api-key", other.secret}, {"authorization", "Bearer " + key.secret}},
      {{"api-key", other.secret}, {"x-chroma-token", key.secret}},
      {{"api-key", key.secret}, {"api-key", key.secret}},
      {{"authorization", "Bearer " + key.secret}, {"authorization", "Bearer " + other.secret}},
      {{"x-api-key", key.secret}, {"x-api-key", other.secret}},
  };
  for (const HeaderList& headers : cases) {
    const auto refused = Do("GET", "/v1/models", "", headers);
    EXPECT_EQ(refused->status(), 401) << refused->body();
    EXPECT_THAT(refused->body(), Not(HasSubstr(key.secret.substr(9))));
    EXPECT_THAT(refused->body(), Not(HasSubstr("weir_sk_wrong")));
  }
}

TEST_F(FrontTest, ARevokedKeyStopsAtOnceAndRevokingTheLastOneOpensNothing) {
  const auto key = Key({.name = "k"});
  EXPECT_EQ(StatusWith(With(key)), 200);
  ASSERT_TRUE(keys_->Revoke("k", SystemClock().WallNow()).has_value());
  EXPECT_EQ(StatusWith(With(key)), 401);
  EXPECT_EQ(StatusWith({}), 401);
}

TEST_F(FrontTest, TheOperatorsTokenMayEverything) {
  Key({.name = "k"});
  const HeaderList headers = {{"authorization", "Bearer weir_operator_token"}};
  EXPECT_EQ(StatusWith(headers, "/metrics"), 200);
  EXPECT_EQ(StatusWith({{"authorization", "Bearer weir_operator_tokem"}}), 401);
  site_->operator_token = "";
  EXPECT_EQ(StatusWith({{"x-api-key", ""}}), 401);
}

TEST_F(FrontTest, LivenessNeedsNoKey) {
  Key({.name = "k"});
  for (const char* path : {"/livez", "/readyz", "/health"}) EXPECT_EQ(StatusWith({}, path), 200);
  EXPECT_EQ(StatusWith({}, "/metrics"), 401);
  EXPECT_EQ(StatusWith({}, "/nothing"), 401);  // nor does it tell which paths there are
}

TEST_F(FrontTest, ARouteAsksForItsScope) {
  const auto key = Key({.name = "k"});
  EXPECT_EQ(StatusWith(With(key), "/metrics"), 403);
  EXPECT_EQ(StatusWith(With(key), "/weir/v1/keys"), 403);
  EXPECT_EQ(Do("POST", "/weir/v1/models/load", R"({"model":"m"})", With(key))->status(), 403);
  EXPECT_THAT(Do("GET", "/metrics", "", With(key))->body(), HasSubstr("scope_missing"));
  const auto admin = Key({.name = "a", .scopes = static_cast<uint32_t>(chat::Scope::kAdmin)});
  EXPECT_EQ(StatusWith(With(admin), "/metrics"), 200);
  EXPECT_EQ(StatusWith(With(admin)), 403);
}

TEST_F(FrontTest, WhatIsNotThereIs404AndAWrongMethod405) {
  const auto nothing = Do("GET", "/v1/nothing");
  EXPECT_EQ(nothing->status(), 404);
  EXPECT_THAT(nothing->body(), HasSubstr("unknown_route"));
  const auto wrong = Do("GET", "/v1/chat/completions");
  EXPECT_EQ(wrong->status(), 405);
  EXPECT_EQ(Header(*wrong, "allow"), "POST");
  EXPECT_THAT(wrong->body(), HasSubstr("method_not_allowed"));
  EXPECT_THAT(wrong->body(), HasSubstr("invalid_request_error"));
  EXPECT_EQ(Header(*Do("PUT", "/weir/v1/keys"), "allow"), "GET, HEAD, POST");
  EXPECT_EQ(Do("DELETE", "/v1/models/x")->status(), 405);
}

TEST_F(FrontTest, HeadIsAnsweredWhereGetIs) {
  EXPECT_EQ(Do("HEAD", "/v1/models")->status(), 200);
  EXPECT_EQ(Do("HEAD", "/v1/chat/completions")->status(), 405);
}

TEST(FindRoute, APrefixNeedsSomethingBehindIt) {
  EXPECT_EQ(FindRoute(Routes(), "GET", "/v1/models/a%2Fb").tail, "a%2Fb");
  EXPECT_EQ(FindRoute(Routes(), "GET", "/v1/models/a/b").tail, "a/b");
  EXPECT_EQ(FindRoute(Routes(), "GET", "/v1/models/").route, nullptr);
  EXPECT_EQ(FindRoute(Routes(), "GET", "/v1/modelsx").route, nullptr);
  const auto document = FindRoute(Routes(), "PUT", "/weir/v1/collections/a/documents/b%2Fc/d");
  ASSERT_NE(document.route, nullptr);
  EXPECT_EQ(document.route->path, "/weir/v1/collections/*/documents/*");
  EXPECT_EQ(document.tail, "a/documents/b%2Fc/d");
  EXPECT_EQ(FindRoute(Routes(), "PUT", "/weir/v1/collections//documents/b").route, nullptr);
  EXPECT_EQ(FindRoute(Routes(), "PUT", "/weir/v1/collections/a/b/documents/c").route, nullptr);
  EXPECT_EQ(FindRoute(Routes(), "POST", "/weir/v1/collections/a/search").route->path,
            "/weir/v1/collections/*/search");
  EXPECT_EQ(FindRoute(Routes(), "get", "/v1/models").route, nullptr);
}

TEST(FindRoute, EveryRouteIsReachable) {
  for (const Route& route : Routes()) {
    std::string path(route.path);
    if (path.ends_with("*")) path.back() = 'x';
    EXPECT_EQ(FindRoute(Routes(), route.method, path).route, &route) << path;
  }
}

TEST_F(FrontTest, EveryAnswerHasARequestId) {
  EXPECT_THAT(Header(*Do("GET", "/livez"), "x-request-id"), StartsWith("req_"));
  EXPECT_THAT(Header(*Do("GET", "/nothing"), "x-request-id"), StartsWith("req_"));
  EXPECT_NE(Header(*Do("GET", "/livez"), "x-request-id"),
            Header(*Do("GET", "/livez"), "x-request-id"));
}

TEST(RenderRefusal, HasARequestIdInEveryDialect) {
  const http::Refusal refusal{413, "body_too_large", "the body is over the limit"};
  http::Request request;
  for (const char* path : {"/v1/chat/completions", "/v1/messages", "/api/chat"}) {
    request.path = path;
    const http::Reply reply = RenderRefusal(refusal, &request);
    const std::string id(reply.headers.Find("x-request-id").value_or(""));
    EXPECT_THAT(id, StartsWith("req_")) << path;
    if (request.path != "/v1/messages") continue;
    EXPECT_EQ(reply.headers.Find("request-id"), id);
    EXPECT_THAT(reply.body, HasSubstr(id));
  }
  EXPECT_THAT(
      std::string(RenderRefusal(refusal, nullptr).headers.Find("x-request-id").value_or("")),
      StartsWith("req_"));
}

TEST_F(FrontTest, WrongWeirHeadersAre400AndNamed) {
  const HeaderList cases = {{"x-weir-label", "unscanned"},
                            {"x-weir-label", "Secret"},
                            {"x-weir-label", ""},
                            {"x-weir-route", "moon"},
                            {"x-weir-deadline-ms", "0"},
                            {"x-weir-deadline-ms", "-1"},
                            {"x-weir-deadline-ms", "1e3"},
                            {"x-weir-deadline-ms", ""},
                            {"x-weir-deadline-ms", "86400001"},
                            {"x-weir-deadline-ms", "99999999999999999999"},
                            {"x-weir-project", std::string(257, 'x')},
                            {"x-weir-user", "\xff"},
                            {"x-weir-explain", "yes"},
                            {"x-weir-explain", ""},
                            {"x-weir-priority", "urgent"},
                            {"x-weir-progress", "true"}};
  for (const auto& [name, value] : cases) {
    const auto refused = Chat({{name, value}});
    EXPECT_EQ(refused->status(), 400) << name << ": " << value;
    EXPECT_THAT(refused->body(), HasSubstr(R"("param":")" + name + '"'));
  }
  EXPECT_TRUE(backend_.asked.empty());
}

TEST_F(FrontTest, LabelsThatComeTwiceAreJoined) {
  EXPECT_EQ(Header(*Chat({{"x-weir-label", "public"}, {"X-Weir-Label", "secret"}}), "x-weir-label"),
            "secret");
  EXPECT_EQ(
      Header(*Chat({{"x-weir-label", "personal"}, {"x-weir-label", "public"}}), "x-weir-label"),
      "personal");
  EXPECT_EQ(Chat({{"x-weir-label", "public"}, {"x-weir-label", "secret"}}, "", "far")->status(),
            403);
  EXPECT_EQ(Chat({{"x-weir-label", "public"}, {"x-weir-label", "none"}})->status(), 400);
}

TEST_F(FrontTest, AnotherHeaderThatComesTwiceSaysTheSameTwice) {
  const std::array<std::array<std::string, 3>, 7> cases = {
      {{"x-weir-route", "device", "cloud"},
       {"x-weir-project", "a", "b"},
       {"x-weir-user", "a", ""},
       {"x-weir-deadline-ms", "60000", "70000"},
       {"x-weir-priority", "batch", "interactive"},
       {"x-weir-explain", "0", "1"},
       {"x-weir-progress", "1", "0"}}};
  for (const auto& [name, first, second] : cases) {
    const auto refused = Chat({{name, first}, {name, second}});
    EXPECT_EQ(refused->status(), 400) << name;
    EXPECT_THAT(refused->body(), HasSubstr(R"("param":")" + name + '"'));
    EXPECT_EQ(Chat({{name, first}, {name, first}})->status(), 200) << name;
  }
  EXPECT_EQ(backend_.asked.size(), cases.size());
}

TEST_F(FrontTest, TheHeadersReachWhoDecidesAndWhoAnswers) {
  const auto answer = Chat({{"x-weir-label", "personal"},
                            {"x-weir-project", "hr"},
                            {"x-weir-user", "u-1"},
                            {"x-weir-deadline-ms", "60000"}});
  EXPECT_EQ(answer->status(), 200);
  EXPECT_EQ(Header(*answer, "x-weir-label"), "personal");
  EXPECT_EQ(backend_.principals.at(0).project, "hr");
  EXPECT_EQ(backend_.principals.at(0).user, "u-1");
  EXPECT_EQ(Chat({{"x-weir-route", "device"}, {"x-weir-label", "public"}}, "", "far")->status(),
            403);
}

TEST_F(FrontTest, AKeyOfAProjectSpeaksForThatOneAlone) {
  const auto key = Key({.name = "k", .project = "mine"});
  HeaderList headers = With(key);
  headers.push_back({"x-weir-project", "theirs"});
  EXPECT_EQ(Chat(headers)->status(), 200);
  EXPECT_EQ(backend_.principals.at(0).project, "mine");
}

TEST_F(FrontTest, AKeysFloorHoldsWhateverTheHeaderSays) {
  const auto key = Key({.name = "k", .label_floor = chat::Label::kSecret});
  HeaderList headers = With(key);
  headers.push_back({"x-weir-label", "public"});
  EXPECT_EQ(Header(*Chat(headers), "x-weir-label"), "secret");
  const auto refused = Chat(headers, "", "far");
  EXPECT_EQ(refused->status(), 403);
  EXPECT_THAT(refused->body(), HasSubstr("label_exceeds_ceiling"));
}

TEST_F(FrontTest, LimitsOfAKeyAre429WithRetryAfterAndOthersGoOn) {
  const auto limited = Key({.name = "l", .limits = {.requests_per_minute = 1}});
  const auto free = Key({.name = "f"});
  EXPECT_EQ(Chat(With(limited))->status(), 200);
  const auto refused = Chat(With(limited));
  EXPECT_EQ(refused->status(), 429);
  EXPECT_GT(std::stoi(Header(*refused, "retry-after")), 0);
  EXPECT_THAT(refused->body(), HasSubstr("rate_limit_error"));
  EXPECT_EQ(Chat(With(free))->status(), 200);
}

TEST_F(FrontTest, ASeatIsGivenBackHoweverARequestEnds) {
  const auto key = Key({.name = "k", .limits = {.concurrent = 1}});
  const HeaderList headers = With(key);
  EXPECT_EQ(Chat(headers)->status(), 200);
  EXPECT_EQ(Chat(headers, R"(,"nonsense":1)")->status(), 400);
  backend_.models["m-small"].refusal = Error{Code::kInvalidArgument, "no"};
  EXPECT_EQ(Chat(headers)->status(), 400);
  backend_.models["m-small"].refusal.reset();
  http::FakeExchange leaves(
      RequestOf("POST", "/v1/chat/completions", ChatBody(R"(,"stream":true)"), headers));
  leaves.LeaveAfterWrites(0);
  RunForTest(loop_, Serve(*site_, leaves));
  site_->list_models = []() -> std::vector<ListedModel> { throw std::bad_alloc(); };
  EXPECT_EQ(Do("GET", "/v1/models", "", headers)->status(), 500);
  EXPECT_EQ(Chat(headers)->status(), 200);
}

TEST_F(FrontTest, OneRequestMoreThanAKeysSeatsIsRefused) {
  const auto key = Key({.name = "k", .limits = {.concurrent = 1}});
  backend_.models["m-small"].steps.push_front(Duration(std::chrono::milliseconds(30)));
  http::FakeExchange first(RequestOf("POST", "/v1/chat/completions", ChatBody(), With(key)));
  bool done = false;
  Spawn(loop_.executor(), "first", Serve(*site_, first), [&] { done = true; });
  ASSERT_TRUE(RunUntilTrue(loop_, [&] { return backend_.live_streams == 1; }));
  EXPECT_EQ(Chat(With(key))->status(), 429);
  ASSERT_TRUE(RunUntilTrue(loop_, [&] { return done; }));
  EXPECT_EQ(first.status(), 200);
}

TEST_F(FrontTest, TokensCountAgainstTheKeyAlsoWhenTheClientLeavesEarly) {
  const auto key = Key({.name = "k", .limits = {.tokens_per_minute = 4}});
  http::FakeExchange leaves(
      RequestOf("POST", "/v1/chat/completions", ChatBody(R"(,"stream":true)"), With(key)));
  leaves.LeaveAfterWrites(0);
  RunForTest(loop_, Serve(*site_, leaves));  // 3 of the prompt and two deltas were seen
  EXPECT_EQ(Chat(With(key))->status(), 429);
}

TEST_F(FrontTest, AHandlerThatThrowsIsA500WithoutTheWordsOfTheException) {
  site_->list_models = []() -> std::vector<ListedModel> {
    throw std::runtime_error("my private words");
  };
  const auto answer = Do("GET", "/v1/models");
  EXPECT_EQ(answer->status(), 500);
  EXPECT_THAT(answer->body(), HasSubstr("server_error"));
  EXPECT_THAT(answer->body(), Not(HasSubstr("private")));
}

TEST_F(FrontTest, EveryCodeHasItsStatusAndOpenAIsShape) {
  const std::pair<Code, int> cases[] = {
      {Code::kInvalidArgument, 400}, {Code::kUnauthenticated, 401}, {Code::kForbidden, 403},
      {Code::kNotFound, 404},        {Code::kTimeout, 408},         {Code::kConflict, 409},
      {Code::kTooLarge, 413},        {Code::kUnprocessable, 422},   {Code::kRateLimited, 429},
      {Code::kHeadersTooLarge, 431}, {Code::kInternal, 500},        {Code::kBackendFailed, 502},
      {Code::kUnavailable, 503},     {Code::kDeadlineExceeded, 504}};
  EXPECT_EQ(std::size(cases) + 1, static_cast<size_t>(kCodeCount));  // all but kCancelled
  policy_.virtuals[0].targets = {"small"};
  for (const auto& [code, status] : cases) {
    backend_.models["m-small"].refusal = Error{code, "words", "field", "reason_word"};
    for (const char* stream : {"", R"(,"stream":true)"}) {
      const auto answer = Chat({}, stream);
      EXPECT_EQ(answer->status(), status);
      EXPECT_EQ(Header(*answer, "content-type"), "application/json");
      // 502 has one code for all that a backend can do; which it was stands in the words.
      const bool backend = code == Code::kBackendFailed;
      const std::string words = backend ? "words (reason_word)" : "words";
      EXPECT_THAT(answer->body(), HasSubstr(R"({"error":{"message":")" + words + R"(","type":")"));
      EXPECT_THAT(answer->body(), HasSubstr(backend ? R"("param":"field","code":"backend_failed"}})"
                                                    : R"("param":"field","code":"reason_word"}})"));
      const bool waits = status == 429 || status == 503;
      EXPECT_EQ(Header(*answer, "retry-after") != "(none)", waits) << status;
      EXPECT_EQ(HttpStatus(code), status);
    }
  }
}

TEST_F(FrontTest, RetryAfterIsWhatTheErrorSays) {
  backend_.models["m-small"].refusal = Error{Code::kUnavailable, "later", "", "", 17};
  EXPECT_EQ(Header(*Chat({}, "", "small"), "retry-after"), "17");
}

TEST_F(FrontTest, ErrorsHoldNoTextOfTheRequest) {
  for (const char* more :
       {R"(,"nonsense":"my private words")", R"(,"temperature":"my private words")"}) {
    EXPECT_THAT(Chat({}, more)->body(), Not(HasSubstr("private")));
  }
  EXPECT_THAT(Do("POST", "/v1/chat/completions", "my private words")->body(),
              Not(HasSubstr("private")));
}

TEST(RenderRefusal, HasTheShapeOfTheOtherErrors) {
  const auto reply = RenderRefusal({431, "header_line_too_long", "too long"}, nullptr);
  EXPECT_EQ(reply.status, 431);
  EXPECT_THAT(reply.body, HasSubstr("header_line_too_long"));
  EXPECT_THAT(reply.body, HasSubstr("invalid_request_error"));
  EXPECT_TRUE(RenderRefusal({503, "shutting_down", "x"}, nullptr).headers.Find("retry-after"));
}

}  // namespace
}  // namespace weir::server
