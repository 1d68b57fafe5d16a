#include "server/openai_routes.h"

#include "server/site_for_test.h"

namespace weir::server {
namespace {

using backends::Says;
using backends::Silence;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Error kBroken{Code::kBackendFailed, "it broke", "", "backend_failed"};
constexpr std::string_view kStream = R"(,"stream":true)";

class OpenAiRoutesTest : public SiteTest {
 protected:
  std::deque<backends::Step>& Steps() { return backend_.models["m-small"].steps; }
  // Writes of a stream, as the client gets them.
  static size_t Count(const std::string& text, std::string_view piece) {
    size_t count = 0;
    for (size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) {
      ++count;
    }
    return count;
  }
};

TEST_F(OpenAiRoutesTest, AWholeAnswerSaysWhatWasDecided) {
  const auto answer = Chat();
  EXPECT_EQ(answer->status(), 200);
  EXPECT_FALSE(answer->streamed());
  EXPECT_THAT(answer->body(), HasSubstr(R"("content":"Hello there")"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("model":"small")"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("completion_tokens":2)"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("weir":{"decision":"dec_)"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("cost":null)"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("timings":{)"));
  EXPECT_THAT(answer->body(), Not(HasSubstr("explanation")));
  EXPECT_THAT(Header(*answer, "x-weir-decision"), StartsWith("dec_"));
  EXPECT_EQ(Header(*answer, "x-weir-target"), "small");
  EXPECT_EQ(Header(*answer, "x-weir-tier"), "device");
  EXPECT_EQ(Header(*answer, "x-weir-label"), "internal");
}

TEST_F(OpenAiRoutesTest, AnExplanationIsGivenWhenItIsAskedFor) {
  const HeaderList headers = {{"x-weir-explain", "1"}};
  EXPECT_THAT(Chat(headers)->body(), HasSubstr(R"("explanation":[)"));
  EXPECT_THAT(Chat(headers, kStream)->body(), HasSubstr(R"("explanation":[)"));
}

TEST_F(OpenAiRoutesTest, AWholeAnswerFallsBackToTheNextTarget) {
  Steps() = {kBroken};
  const auto answer = Chat();
  EXPECT_EQ(answer->status(), 200);
  EXPECT_THAT(answer->body(), HasSubstr("Greetings"));
  EXPECT_EQ(Header(*answer, "x-weir-target"), "large");
  EXPECT_THAT(answer->body(), HasSubstr(R"("target":"large")"));
}

TEST_F(OpenAiRoutesTest, AWholeAnswerThatBreaksIsAStatus) {
  Steps() = {chat::Event(chat::Delta{.text = "half"}), kBroken};
  const auto answer = Chat({}, "", "small");
  EXPECT_EQ(answer->status(), 502);
  EXPECT_THAT(answer->body(), Not(HasSubstr("half")));
}

// Nobody has seen any of it yet.
TEST_F(OpenAiRoutesTest, AWholeAnswerThatBreaksIsGivenByTheNextTargetOfARoute) {
  Steps() = {chat::Event(chat::Delta{.text = "half"}), kBroken};
  const auto answer = Chat();
  EXPECT_EQ(answer->status(), 200);
  EXPECT_THAT(answer->body(), testing::AllOf(HasSubstr("Greetings"), Not(HasSubstr("half"))));
}

TEST_F(OpenAiRoutesTest, ARefusalSaysWhatWasDecided) {
  const auto refused = Chat({}, "", "far");
  EXPECT_EQ(refused->status(), 403);
  EXPECT_THAT(Header(*refused, "x-weir-decision"), StartsWith("dec_"));
  EXPECT_EQ(Header(*refused, "x-weir-label"), "internal");
  EXPECT_EQ(Header(*refused, "x-weir-tier"), "(none)");
  EXPECT_THAT(refused->body(), Not(HasSubstr("weir\":")));
  const auto found = Do("GET", "/weir/v1/decisions/" + Header(*refused, "x-weir-decision"));
  EXPECT_THAT(found->body(), HasSubstr("label_exceeds_ceiling"));
}

TEST_F(OpenAiRoutesTest, AFailureSaysWhatWasDecidedStreamedOrNot) {
  for (const std::string_view more : {std::string_view(), kStream}) {
    backend_.models["m-small"].steps = {kBroken};
    const auto failed = Chat({{"x-weir-explain", "1"}}, more, "small");
    EXPECT_EQ(failed->status(), 502);
    EXPECT_THAT(Header(*failed, "x-weir-decision"), StartsWith("dec_"));
    EXPECT_EQ(Header(*failed, "x-weir-target"), "small");
    EXPECT_EQ(Header(*failed, "x-weir-tier"), "device");
    EXPECT_THAT(failed->body(), HasSubstr(R"(},"weir":{"decision":"dec_)"));
    EXPECT_THAT(failed->body(), HasSubstr(R"("explanation":[)"));
  }
}

TEST_F(OpenAiRoutesTest, ARefusalInEveryDialectCarriesItsDecision) {
  const std::string chat = R"({"model":"far","messages":[{"role":"user","content":"x"}])";
  const std::pair<std::string, std::string> calls[] = {
      {"/v1/chat/completions", chat + "}"},
      {"/v1/messages", chat + R"(,"max_tokens":9})"},
      {"/api/chat", chat + "}"},
      {"/api/generate", R"({"model":"far","prompt":"x"})"},
      {"/v1/responses", R"({"model":"far","input":"x","store":false})"},
      {"/v1/completions", R"({"model":"far","prompt":"x"})"},
      {"/v1/embeddings", R"({"model":"far","input":"x"})"},
      {"/v1/rerank", R"({"model":"far","query":"x","documents":["y"]})"},
      {"/weir/v1/score", R"({"model":"far","prompt":"x","continuations":["y"]})"}};
  for (const auto& [path, body] : calls) {
    const auto refused = Do("POST", path, body, {{"x-weir-explain", "1"}});
    EXPECT_EQ(refused->status(), 403) << path << refused->body();
    EXPECT_THAT(Header(*refused, "x-weir-decision"), StartsWith("dec_")) << path;
    EXPECT_EQ(Header(*refused, "x-weir-label"), "internal") << path;
    EXPECT_THAT(refused->body(), HasSubstr(R"(,"weir":{"decision":"dec_)")) << path;
    EXPECT_THAT(refused->body(), HasSubstr("cloud: passed over")) << path;
  }
}

TEST_F(OpenAiRoutesTest, AnErrorThatNobodyDecidedAboutHasNoDecision) {
  EXPECT_EQ(Header(*Chat({}, "", "nobody"), "x-weir-decision"), "(none)");
  EXPECT_EQ(Header(*Chat({}, R"(,"nonsense":1)"), "x-weir-decision"), "(none)");
}

TEST_F(OpenAiRoutesTest, AStreamEndsWithTheWeirObjectAndDone) {
  const auto answer = Chat({}, kStream);
  EXPECT_EQ(answer->status(), 200);
  EXPECT_TRUE(answer->streamed() && answer->finished());
  EXPECT_EQ(Header(*answer, "content-type"), "text/event-stream");
  EXPECT_EQ(Header(*answer, "cache-control"), "no-cache");
  EXPECT_THAT(Header(*answer, "x-weir-decision"), StartsWith("dec_"));
  EXPECT_EQ(Header(*answer, "x-weir-target"), "small");
  const auto events = Events(*answer);
  ASSERT_EQ(events.size(), 5u);  // role, two deltas, the finish, [DONE]
  EXPECT_THAT(events[0], HasSubstr(R"("role":"assistant")"));
  EXPECT_THAT(events[1], HasSubstr(R"("content":"Hello")"));
  EXPECT_THAT(events[2], HasSubstr(R"("content":" there")"));
  EXPECT_THAT(events[3], HasSubstr(R"("weir":{"decision":"dec_)"));
  EXPECT_EQ(events[4], "[DONE]");
}

TEST_F(OpenAiRoutesTest, WhatIsThereTogetherIsWrittenTogether) {
  Steps() = Says(std::vector<std::string>(100, "x"));
  http::FakeExchange exchange(RequestOf("POST", "/v1/chat/completions", ChatBody(kStream)));
  exchange.LeaveAfterWrites(1);
  RunForTest(loop_, Serve(*site_, exchange));
  EXPECT_EQ(Events(exchange).size(), 103u);
  EXPECT_TRUE(exchange.finished());
}

TEST_F(OpenAiRoutesTest, WhatComesInPiecesIsWrittenAtOnceAndInOrder) {
  Steps().clear();
  for (int i = 0; i < 3; ++i) {
    Steps().push_back(chat::Event(chat::Delta{.text = "p" + std::to_string(i)}));
    Steps().push_back(Duration(milliseconds(2)));
  }
  for (auto& step : Says({})) Steps().push_back(std::move(step));
  http::FakeExchange exchange(RequestOf("POST", "/v1/chat/completions", ChatBody(kStream)));
  std::vector<size_t> sizes;
  backend_.on_next = [&] { sizes.push_back(exchange.body().size()); };
  RunForTest(loop_, Serve(*site_, exchange));
  std::ranges::sort(sizes);
  const auto repeated = std::ranges::unique(sizes);
  sizes.erase(repeated.begin(), repeated.end());
  EXPECT_GE(sizes.size(), 4u);  // nothing, and after each of the pieces more
  EXPECT_LT(exchange.body().find("p0"), exchange.body().find("p1"));
  EXPECT_EQ(Events(exchange).back(), "[DONE]");
}

TEST_F(OpenAiRoutesTest, TheHeadWaitsForTheFirstTokenSoThatAFailureBeforeItIsAStatus) {
  policy_.virtuals[0].targets = {"small"};
  Steps() = {chat::Event(chat::Started{.prompt_tokens = 3}),
             chat::Event(chat::Progress{.processed_tokens = 1, .total_tokens = 3}),
             Duration(milliseconds(5)), kBroken};
  const auto answer = Chat({}, kStream);
  EXPECT_EQ(answer->status(), 502);
  EXPECT_FALSE(answer->streamed());
  EXPECT_EQ(Header(*answer, "content-type"), "application/json");
}

TEST_F(OpenAiRoutesTest, AfterTheHeadAFailureIsAnErrorEventAndNoDone) {
  Steps() = {chat::Event(chat::Delta{.text = "half"}), Duration(milliseconds(2)), kBroken};
  const auto answer = Chat({}, kStream);
  EXPECT_EQ(answer->status(), 200);
  const auto events = Events(*answer);
  EXPECT_THAT(events.back(), StartsWith(R"({"error":{"message":"it broke")"));
  EXPECT_THAT(answer->body(), Not(HasSubstr("[DONE]")));
  EXPECT_THAT(answer->body(), HasSubstr("half"));
  EXPECT_THAT(metrics_.Render({}), HasSubstr("weir_streams_broken_total 1\n"));
}

TEST_F(OpenAiRoutesTest, ABackendThatBreaksTheOrderOfEventsIsAFailure) {
  Steps() = {chat::Event(chat::Delta{.choice = 5, .text = "?"})};
  EXPECT_THAT(Events(*Chat({}, kStream)).back(), HasSubstr("backend_failed"));
  EXPECT_EQ(Chat()->status(), 502);
  Steps() = {chat::Event(chat::Done{})};  // no choice ended
  const auto unended = Chat({}, kStream);
  EXPECT_THAT(unended->body(), Not(HasSubstr("[DONE]")));
  EXPECT_EQ(Chat()->status(), 502);
}

TEST_F(OpenAiRoutesTest, AStreamThatHasNothingToSaySendsComments) {
  Steps().push_front(Silence{});
  Steps().push_front(Silence{});
  Steps().push_front(chat::Event(chat::Delta{.text = "x"}));
  const auto answer = Chat({}, kStream);
  EXPECT_EQ(Count(answer->body(), ": waiting\n\n"), 2u);
  EXPECT_EQ(Events(*answer).back(), "[DONE]");
}

const chat::Event kProgress = chat::Progress{.processed_tokens = 512, .total_tokens = 3000};

TEST_F(OpenAiRoutesTest, ProgressIsAskedForAndComesBeforeTheFirstToken) {
  Steps().push_front(kProgress);
  const auto answer = Chat({{"x-weir-progress", "1"}}, kStream);
  EXPECT_THAT(answer->body(), StartsWith(": progress 512/3000\n\n"));
  EXPECT_EQ(Events(*answer).back(), "[DONE]");
  EXPECT_THAT(Chat({}, kStream)->body(), Not(HasSubstr("progress")));
}

TEST_F(OpenAiRoutesTest, WhoAskedForProgressGetsALaterFailureAsAnEvent) {
  policy_.virtuals[0].targets = {"small"};
  Steps() = {kProgress, kBroken};
  const auto answer = Chat({{"x-weir-progress", "1"}}, kStream);
  EXPECT_EQ(answer->status(), 200);
  EXPECT_THAT(Events(*answer).back(), HasSubstr("backend_failed"));
  EXPECT_EQ(Chat({}, kStream)->status(), 502);
}

TEST_F(OpenAiRoutesTest, RequestsAndTokensAreCountedByKeyAndModel) {
  Chat();
  Chat({}, kStream);
  const KeyBook::Line& line = metrics_.keys().lines().at({"", "small"});
  EXPECT_EQ(line.requests, 2u);
  EXPECT_EQ(line.waiting + line.running, 0);
  EXPECT_EQ(line.prompt_tokens, 6);
  EXPECT_EQ(line.cached_tokens, 2);
  EXPECT_EQ(line.completion_tokens, 4);
}

TEST_F(OpenAiRoutesTest, TheHeadGoesOutAloneWhenTheFirstTokenTakesTooLong) {
  site_->options.head_patience = milliseconds(1);
  site_->options.heartbeat = milliseconds(2);
  Steps().push_front(Duration(milliseconds(20)));
  const auto answer = Chat({}, kStream);
  EXPECT_EQ(answer->status(), 200);
  EXPECT_THAT(answer->body(), StartsWith(": waiting\n\n"));
  EXPECT_EQ(Events(*answer).back(), "[DONE]");
}

TEST_F(OpenAiRoutesTest, AFailureAfterALateHeadIsAnErrorEvent) {
  site_->options.head_patience = milliseconds(1);
  policy_.virtuals[0].targets = {"small"};
  Steps() = {Duration(milliseconds(10)), kBroken};
  const auto answer = Chat({}, kStream);
  EXPECT_EQ(answer->status(), 200);
  EXPECT_THAT(Events(*answer).back(), HasSubstr("backend_failed"));
}

TEST_F(OpenAiRoutesTest, TheDeadlineIsA504BeforeTheHeadAndAnEventAfterIt) {
  Steps() = {};  // hangs
  const HeaderList headers = {{"x-weir-deadline-ms", "5"}};
  EXPECT_EQ(Chat(headers)->status(), 504);
  EXPECT_EQ(Chat(headers, kStream)->status(), 504);
  Steps() = {chat::Event(chat::Delta{.text = "half"})};
  EXPECT_THAT(Events(*Chat(headers, kStream)).back(), HasSubstr("deadline_exceeded"));
}

TEST_F(OpenAiRoutesTest, AClientThatLeavesStopsTheWork) {
  Steps().clear();
  for (int i = 0; i < 1000; ++i) {
    Steps().push_back(chat::Event(chat::Delta{.text = "x"}));
    Steps().push_back(Duration(Duration(1)));
  }
  http::FakeExchange exchange(RequestOf("POST", "/v1/chat/completions", ChatBody(kStream)));
  exchange.LeaveAfterWrites(2);
  RunForTest(loop_, Serve(*site_, exchange));
  EXPECT_EQ(backend_.live_streams, 0);
  EXPECT_LT(backend_.nexts, 20u);
  EXPECT_FALSE(exchange.finished());
  EXPECT_THAT(metrics_.Render({}), HasSubstr("weir_clients_gone_total 1\n"));
}

TEST_F(OpenAiRoutesTest, ACancelledRequestEndsAtOnceAndWritesNothing) {
  for (const std::string_view more : {std::string_view(), kStream}) {
    Steps() = {chat::Event(chat::Started{})};  // then it hangs
    http::FakeExchange exchange(RequestOf("POST", "/v1/chat/completions", ChatBody(more)));
    bool done = false;
    const CancelHandle handle =
        Spawn(loop_.executor(), "request", Serve(*site_, exchange), [&] { done = true; });
    ASSERT_TRUE(RunUntilTrue(loop_, [&] { return backend_.live_streams == 1; }));
    exchange.Leave();
    handle.Cancel();
    ASSERT_TRUE(RunUntilTrue(loop_, [&] { return done; }));
    EXPECT_EQ(backend_.live_streams, 0);
    EXPECT_FALSE(exchange.finished());
  }
}

TEST_F(OpenAiRoutesTest, UsageIsAChunkWhenItIsAskedFor) {
  const auto answer = Chat({}, R"(,"stream":true,"stream_options":{"include_usage":true})");
  EXPECT_THAT(answer->body(), HasSubstr(R"("completion_tokens":2)"));
}

TEST_F(OpenAiRoutesTest, CompletionsWorkTheSameWay) {
  const auto whole = Do("POST", "/v1/completions", R"({"model":"small","prompt":"x"})");
  EXPECT_EQ(whole->status(), 200);
  EXPECT_THAT(whole->body(), HasSubstr(R"("text":"Hello there")"));
  const auto stream =
      Do("POST", "/v1/completions", R"({"model":"small","prompt":"x","stream":true})");
  EXPECT_EQ(Events(*stream).back(), "[DONE]");
}

TEST_F(OpenAiRoutesTest, AnUnknownModelIs404AndABadBody400) {
  EXPECT_EQ(Chat({}, "", "nothing")->status(), 404);
  EXPECT_EQ(Chat({}, kStream, "nothing")->status(), 404);
  EXPECT_EQ(Do("POST", "/v1/chat/completions", "{")->status(), 400);
  EXPECT_EQ(Do("POST", "/v1/completions", "")->status(), 400);
  EXPECT_EQ(Do("POST", "/v1/embeddings", "[]")->status(), 400);
}

TEST_F(OpenAiRoutesTest, EmbeddingsAreAnswered) {
  const auto answer = Do("POST", "/v1/embeddings", R"({"model":"small","input":["a","b"]})");
  EXPECT_EQ(answer->status(), 200);
  EXPECT_EQ(Count(answer->body(), R"("object":"embedding")"), 2u);
  EXPECT_THAT(Header(*answer, "x-weir-decision"), StartsWith("dec_"));
  backend_.models["m-small"].answers_missing = 1;
  EXPECT_EQ(Do("POST", "/v1/embeddings", R"({"model":"small","input":["a","b"]})")->status(), 502);
}

TEST_F(OpenAiRoutesTest, ModelsAreListedAndFoundByTheirName) {
  EXPECT_THAT(Do("GET", "/v1/models")->body(), HasSubstr(R"("id":"small")"));
  EXPECT_EQ(Do("GET", "/v1/models/small")->status(), 200);
  EXPECT_EQ(Do("GET", "/v1/models/a%2Fb")->status(), 200);
  EXPECT_EQ(Do("GET", "/v1/models/a/b")->status(), 200);
  EXPECT_EQ(Do("GET", "/v1/models/other")->status(), 404);
}

// Not a test of a promise but of a cost: what one token costs above the backend.
TEST_F(OpenAiRoutesTest, AStreamedTokenIsCheap) {
  constexpr int kTokens = 20'000;
  Steps() = Says(std::vector<std::string>(kTokens, "token"));
  const MonotonicTime before = SystemClock().Now();
  const auto answer = Chat({}, kStream);
  const double microseconds = Milliseconds(SystemClock().Now() - before) * 1000 / kTokens;
  RecordProperty("microseconds_per_token", std::to_string(microseconds));
  EXPECT_EQ(Events(*answer).back(), "[DONE]");
  EXPECT_LT(microseconds, 1000);
}

}  // namespace
}  // namespace weir::server
