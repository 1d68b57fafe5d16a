#include "http/transfers.h"

#include <gtest/gtest.h>

#include <string>

#include "base/one_processor_for_test.h"
#include "http/scripted_server.h"

namespace weir::http {
namespace {

constexpr Duration kPatience = std::chrono::seconds(20);

struct Sink final : TransferSink {
  int status = 0;
  Headers headers = {};
  std::string body = {};
  std::optional<TransferEnd> end = {};
  std::optional<Error> error = {};
  size_t takes = SIZE_MAX;  // bytes, then it pauses
  int pauses = 0;

  void OnHead(int code, const Headers& fields) override {
    status = code;
    headers = fields;
  }
  bool OnBody(std::string_view bytes) override {
    if (body.size() + bytes.size() > takes) {
      ++pauses;
      return false;
    }
    body += bytes;
    return true;
  }
  void OnEnd(const TransferEnd& how) override { end = how; }
  void OnFailure(Error why) override { error = std::move(why); }
  bool over() const { return end || error; }
};

class TransfersTest : public testing::Test {
 protected:
  TransferSpec Spec() {
    TransferSpec spec{.url = server_.url() + "/v1/x", .body = "{}"};
    spec.headers.Add("content-type", "application/json");
    return spec;
  }
  void RunUntil(const std::function<bool()>& holds) {
    const MonotonicTime give_up = SystemClock().Now() + kPatience;
    while (!holds() && SystemClock().Now() < give_up) transfers_.Wait(kPatience);
    ASSERT_TRUE(holds());
  }
  std::string Reason(TransferSpec spec) {
    Sink sink;
    transfers_.Start(std::move(spec), sink);
    RunUntil([&] { return sink.over(); });
    return sink.error ? sink.error->reason : "";
  }

  ScriptedServer server_;
  Transfers transfers_{{}};
};

TEST_F(TransfersTest, GivesHeadAndBodyAndSendsWhatItWasTold) {
  server_.Play({.pieces = {ScriptedServer::Answer("hello")}});
  Sink sink;
  transfers_.Start(Spec(), sink);
  RunUntil([&] { return sink.over(); });
  EXPECT_EQ(sink.status, 200);
  EXPECT_EQ(sink.body, "hello");
  EXPECT_EQ(sink.headers.Find("content-type"), "application/json");
  const std::string request = server_.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /v1/x HTTP/1.1\r\n"));
  EXPECT_NE(request.find("content-type: application/json"), std::string::npos);
  EXPECT_EQ(request.find("Accept:"), std::string::npos);
  EXPECT_EQ(request.find("Expect:"), std::string::npos);
}

TEST_F(TransfersTest, KeepsConnectionsForTheNextCall) {
  server_.Play({.pieces = {ScriptedServer::Answer("x")}, .repeat = true});
  for (int i = 0; i < 5; ++i) {
    Sink sink;
    transfers_.Start(Spec(), sink);
    RunUntil([&] { return sink.over(); });
    ASSERT_TRUE(sink.end);
    EXPECT_EQ(sink.end->reused, i > 0);
  }
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(TransfersTest, AConnectionClosedWhileNobodyUsesItKeepsNobodyBusyAndCostsNoCall) {
  server_.Play({.pieces = {ScriptedServer::Answer("x")}, .close = true});
  EXPECT_EQ(Reason(Spec()), "");
  const MonotonicTime until = SystemClock().Now() + std::chrono::milliseconds(200);
  int turns = 0;
  for (MonotonicTime now = SystemClock().Now(); now < until; now = SystemClock().Now()) {
    transfers_.Wait(until - now);
    ++turns;
  }
  EXPECT_LT(turns, 20);
  server_.Play({.pieces = {ScriptedServer::Answer("y")}});
  EXPECT_EQ(Reason(Spec()), "");
  EXPECT_EQ(server_.connections(), 2);
}

// What one call was told is nothing that the next one says, though a handle serves both.
TEST_F(TransfersTest, ACallSaysNothingOfTheOneBefore) {
  server_.Play({.pieces = {ScriptedServer::Answer("x")}, .repeat = true});
  TransferSpec post = Spec();
  post.headers.Add("authorization", "Bearer of-the-first");
  EXPECT_EQ(Reason(std::move(post)), "");
  EXPECT_EQ(Reason({.method = "GET", .url = server_.url() + "/v1/models"}), "");
  EXPECT_EQ(Reason(Spec()), "");
  const std::vector<std::string> requests = server_.requests();
  EXPECT_TRUE(requests.at(1).starts_with("GET /v1/models HTTP/1.1\r\n")) << requests.at(1);
  for (const std::string_view word : {"ontent", "uthorization", "{}", "Accept:"}) {
    EXPECT_EQ(requests.at(1).find(word), std::string::npos) << requests.at(1);
  }
  EXPECT_TRUE(requests.at(2).starts_with("POST /v1/x HTTP/1.1\r\n")) << requests.at(2);
  EXPECT_EQ(requests.at(2).find("uthorization"), std::string::npos) << requests.at(2);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(TransfersTest, APausedAnswerWaitsAndLosesNothing) {
  const std::string text(600'000, 'x');
  server_.Play({.pieces = {ScriptedServer::Answer(text)}});
  Sink sink;
  sink.takes = 100'000;
  const uint64_t id = transfers_.Start(Spec(), sink);
  RunUntil([&] { return sink.pauses > 0; });
  EXPECT_FALSE(sink.over());
  sink.takes = SIZE_MAX;
  transfers_.Resume(id);
  RunUntil([&] { return sink.over(); });
  EXPECT_EQ(sink.body, text);
}

TEST_F(TransfersTest, RedirectsAreAnswersAndAreNotFollowed) {
  server_.Play({.pieces = {"HTTP/1.1 302 Found\r\nlocation: " + server_.url() +
                           "/elsewhere\r\ncontent-length: 0\r\n\r\n"}});
  Sink sink;
  transfers_.Start(Spec(), sink);
  RunUntil([&] { return sink.over(); });
  EXPECT_EQ(sink.status, 302);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(TransfersTest, AnAddressThatIsNotAllowedIsNotConnectedTo) {
  TransferSpec spec = Spec();
  int asked = 0;
  spec.may_connect = [&](const sockaddr& address) {
    ++asked;
    EXPECT_EQ(address.sa_family, AF_INET);
    return false;
  };
  EXPECT_EQ(Reason(std::move(spec)), "address_refused");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(TransfersTest, AKeptConnectionIsJudgedForEachCallThatWouldUseIt) {
  server_.Play({.pieces = {ScriptedServer::Answer("x")}, .repeat = true});
  EXPECT_EQ(Reason(Spec()), "");
  TransferSpec spec = Spec();
  spec.may_connect = [](const sockaddr&) { return false; };
  EXPECT_EQ(Reason(std::move(spec)), "address_refused");
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(TransfersTest, SaysHowACallFailed) {
  server_.Play({.pieces = {"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"}, .close = true});
  EXPECT_EQ(Reason(Spec()), "answer_cut");
  server_.Play({.pieces = {""}, .close = true});
  EXPECT_EQ(Reason(Spec()), "answer_cut");
  TransferSpec nowhere = Spec();
  nowhere.url = "http://127.0.0.1:1/x";
  EXPECT_EQ(Reason(std::move(nowhere)), "connect_failed");
  TransferSpec file = Spec();
  file.url = "file:///etc/passwd";
  EXPECT_EQ(Reason(std::move(file)), "answer_broken");
}

// A look-up has a socket of libcurl's own, whose number the next connection gets.
TEST_F(TransfersTest, AConnectionFollowsTheLookUpOfAName) {
  for (int i = 0; i < 2; ++i) {
    TransferSpec named = Spec();
    named.url = "http://" + std::string(64, 'a') + ".test/x";  // too long to be asked of anybody
    EXPECT_EQ(Reason(std::move(named)), "connect_failed");
    server_.Play({.pieces = {"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"},
                  .close = true});
    EXPECT_EQ(Reason(Spec()), "");
  }
}

// On one processor the answer may be there before the call that asks for it has returned. Told at
// once, not when a time-out might be due; a few may wait for a machine that has other things to do.
TEST_F(TransfersTest, AnAnswerThatIsThereAtOnceIsNotWaitedFor) {
  const OnOneProcessor one;
  int late = 0;
  for (int i = 0; i < 100; ++i) {
    server_.Play({.pieces = {"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"}});
    const MonotonicTime start = SystemClock().Now();
    EXPECT_EQ(Reason(Spec()), "");
    late += SystemClock().Now() - start > std::chrono::milliseconds(30) ? 1 : 0;
  }
  EXPECT_LT(late, 10);
}

// So that whoever hands answers on sends such a one in one piece.
TEST_F(TransfersTest, TheEndOfAnAnswerThatIsThereAtOnceIsToldWithoutAWait) {
  const OnOneProcessor one;
  server_.Play({.pieces = {"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"}, .repeat = true});
  EXPECT_EQ(Reason(Spec()), "");
  int at_once = 0;
  for (int i = 0; i < 200; ++i) {
    Sink sink;
    transfers_.Start(Spec(), sink);
    const bool there = sink.body == "ok";
    transfers_.TellEnds();
    EXPECT_EQ(sink.over(), there);
    at_once += there ? 1 : 0;
    RunUntil([&] { return sink.over(); });
  }
  EXPECT_GT(at_once, 0);
}

TEST_F(TransfersTest, EveryWaitHasAnEnd) {
  TransferSpec silent = Spec();
  silent.first_byte_timeout = std::chrono::milliseconds(100);
  server_.Play({.pieces = {""}, .hang = true});
  EXPECT_EQ(Reason(std::move(silent)), "first_byte_timeout");
}

TEST_F(TransfersTest, ASilenceInTheAnswerHasAnEnd) {
  TransferSpec stuck = Spec();
  stuck.gap_timeout = std::chrono::milliseconds(100);
  server_.Play({.pieces = {"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"}, .hang = true});
  EXPECT_EQ(Reason(std::move(stuck)), "gap_timeout");
}

TEST_F(TransfersTest, AnswersAndHeadsAreBounded) {
  TransferSpec spec = Spec();
  spec.answer_bytes_max = 100;
  server_.Play({.pieces = {ScriptedServer::Answer(std::string(101, 'x'))}, .close = true});
  EXPECT_EQ(Reason(std::move(spec)), "answer_too_large");
  TransferSpec head = Spec();
  head.header_bytes_max = 100;
  server_.Play(
      {.pieces = {"HTTP/1.1 200 OK\r\nx: " + std::string(200, 'x') + "\r\n\r\n"}, .close = true});
  EXPECT_EQ(Reason(std::move(head)), "answer_too_large");
}

TEST_F(TransfersTest, ACancelledCallIsNotHeardOfAgain) {
  server_.Play({.pieces = {"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"}, .hang = true});
  Sink sink;
  const uint64_t id = transfers_.Start(Spec(), sink);
  RunUntil([&] { return !sink.body.empty(); });
  transfers_.Cancel(id);
  transfers_.Cancel(id);
  transfers_.Wait(std::chrono::milliseconds(10));
  EXPECT_FALSE(sink.over());
  EXPECT_EQ(transfers_.running(), 0u);
}

TEST_F(TransfersTest, ANamePresentedInTheEnvironmentIsNoProxy) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  server_.Play({.pieces = {ScriptedServer::Answer("direct")}});
  EXPECT_EQ(Reason(Spec()), "");
  unsetenv("http_proxy");
}

}  // namespace
}  // namespace weir::http
