// Real sockets on port 0: the server on a thread of its own, blocking clients here.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include "async/event.h"
#include "async/loop.h"
#include "async/spawn.h"
#include "http/fake_exchange.h"
#include "http/listen.h"
#include "http/server_for_test.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;  // their bookkeeping is not our memory
#else
constexpr bool kSanitized = false;
#endif

// Answers with what it was asked: "METHOD path?query body".
Task<void> Echo(Exchange& exchange) {
  const Request& request = exchange.request();
  Reply reply;
  reply.headers.Add("Content-Type", "text/plain");
  reply.body = request.method + " " + request.path + "?" + request.query + " " + request.body;
  co_await exchange.Send(std::move(reply));
}

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  Serve({}, Echo);
  Client client(address_);
  for (int i = 0; i < 3; ++i) {
    client.Send(Get("/a?b=1"));
    const std::string head = client.Take("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << head;
    EXPECT_NE(head.find("Content-Length: 11\r\n"), std::string::npos) << head;
    EXPECT_EQ(client.Take("/a?b=1 "), "GET /a?b=1 ");
  }
}

TEST_F(ServerTest, ConnectionCloseAndHttp10AreHonoured) {
  Serve({}, Echo);
  Client closing(address_);
  closing.Send(Get("/", "Connection: close\r\n"));
  EXPECT_NE(closing.ReadAll().find("Connection: close\r\n"), std::string::npos);
  Client old(address_);
  old.Send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(BodyOf(old.ReadAll()), "GET /? ");
  Client old_keeping(address_);
  old_keeping.Send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(old_keeping.Take("\r\n\r\n").find("Connection: keep-alive\r\n"), std::string::npos);
}

TEST_F(ServerTest, HeadGetsTheHeadOfTheAnswerAlone) {
  Serve({}, Echo);
  Client client(address_);
  client.Send("HEAD /x HTTP/1.1\r\nHost: localhost\r\n\r\n" + Get("/y", "Connection: close\r\n"));
  EXPECT_NE(client.Take("\r\n\r\n").find("Content-Length: 9\r\n"), std::string::npos);
  EXPECT_EQ(BodyOf(client.ReadAll()), "GET /y? ");
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Serve({}, [](Exchange& exchange) -> Task<void> {
    // The first takes longest: order must not depend on luck.
    co_await SleepFor(milliseconds(exchange.request().path == "/0" ? 20 : 0));
    co_await Echo(exchange);
  });
  Client client(address_);
  std::string all;
  for (int i = 0; i < 50; ++i) all += Get("/" + std::to_string(i));
  client.Send(all);
  for (int i = 0; i < 50; ++i) {
    client.Take("\r\n\r\n");
    const std::string expected = "GET /" + std::to_string(i) + "? ";
    EXPECT_EQ(client.Take("? "), expected);
  }
}

TEST_F(ServerTest, PipelinedBytesBeyondTheBoundWaitInTheKernelAndAreAnsweredToo) {
  Serve({}, [](Exchange& exchange) -> Task<void> {
    if (exchange.request().path == "/0") co_await SleepFor(milliseconds(50));
    co_await Echo(exchange);
  });
  Client client(address_);
  std::string all;
  const int count = 3000;  // 130 KB
  for (int i = 0; i < count; ++i) all += Get("/" + std::to_string(i));
  std::jthread writer([&] { client.Send(all); });
  for (int i = 0; i < count; ++i) {
    client.Take("\r\n\r\n");
    ASSERT_EQ(client.Take("? "), "GET /" + std::to_string(i) + "? ");
  }
}

TEST_F(ServerTest, ABodyComesWholeHoweverItIsSent) {
  Serve({}, Echo);
  Client client(address_);
  client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
  client.Send("c\r\n2\r\nde\r\n0\r\n\r\n");
  client.Take("\r\n\r\n");
  EXPECT_EQ(client.Take("de"), "POST /? abcde");
  const std::string big(3'000'000, 'x');
  client.Send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n" +
      big);
  EXPECT_EQ(BodyOf(client.ReadAll()), "POST /? " + big);
}

TEST_F(ServerTest, ContinueIsSentWhenAskedFor) {
  Serve({}, Echo);
  Client client(address_);
  client.Send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.Take("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hi");
  EXPECT_TRUE(client.Take("\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, ARefusedRequestIsRefusedBeforeItsBodyAndInTheShapeOfTheRenderer) {
  ServerOptions options;
  options.limits.body_bytes = 1000;
  options.render_refusal = [](const Refusal& refusal, const Request* request) {
    Reply reply{.status = refusal.status};
    reply.body = std::string(refusal.reason) + (request ? " for " + request->path : "");
    return reply;
  };
  Serve(options, Echo);
  Client large(address_);
  large.Send("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n");
  const std::string answer = large.ReadAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_EQ(BodyOf(answer), "body_too_large for /p");
  Client foreign(address_);
  foreign.Send(
      "POST /p HTTP/1.1\r\nHost: evil.example\r\nExpect: 100-continue\r\nContent-Length: "
      "10\r\n\r\n");
  const std::string refused = foreign.ReadAll();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 403 ")) << refused;
  EXPECT_EQ(BodyOf(refused), "host_not_allowed for /p");
}

TEST_F(ServerTest, AChunkedUploadOverTheLimitGetsItsAnswerWhileItIsStillSending) {
  ServerOptions options;
  options.limits.body_bytes = 100'000;
  Serve(options, Echo);
  Client client(address_);
  client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "8000\r\n" + std::string(0x8000, 'x') + "\r\n";
  for (int i = 0; i < 40; ++i) client.Send(chunk);
  EXPECT_TRUE(client.Take("\r\n\r\n").starts_with("HTTP/1.1 413 "));
}

TEST_F(ServerTest, SmuggledSecondRequestsAreNotAnswered) {
  Serve({}, Echo);
  Client client(address_);
  client.Send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n" +
      Get("/smuggled"));
  const std::string answer = client.ReadAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_EQ(answer.find("HTTP/1.1", 8), std::string::npos) << answer;
}

TEST_F(ServerTest, ForeignHostAndOriginNeverReachTheHandler) {
  std::atomic<int> handled = 0;
  Serve({}, [&handled](Exchange& exchange) -> Task<void> {
    ++handled;
    co_await Echo(exchange);
  });
  for (const std::string& request :
       {std::string("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        Get("/", "Origin: http://evil.example\r\n"), Get("/", "Origin: null\r\n"),
        std::string("OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
                    "Access-Control-Request-Method: POST\r\n\r\n")}) {
    Client client(address_);
    client.Send(request);
    const std::string answer = client.ReadAll();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 ")) << answer;
    EXPECT_EQ(answer.find("Access-Control"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("evil"), std::string::npos) << answer;
  }
  EXPECT_EQ(handled, 0);
}

TEST_F(ServerTest, AnAllowedOriginGetsItsPreflightAndItsFields) {
  ServerOptions options;
  options.hosts.origins = {"https://app.example"};
  Serve(options, Echo);
  Client client(address_);
  client.Send(
      "OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n"
      "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: "
      "authorization\r\n\r\n");
  const std::string preflight = client.Take("\r\n\r\n");
  EXPECT_TRUE(preflight.starts_with("HTTP/1.1 204 ")) << preflight;
  EXPECT_NE(preflight.find("Access-Control-Allow-Origin: https://app.example\r\n"),
            std::string::npos);
  EXPECT_NE(preflight.find("Access-Control-Allow-Headers: authorization\r\n"), std::string::npos);
  client.Send(Get("/", "Origin: https://app.example\r\n"));
  EXPECT_NE(client.Take("\r\n\r\n").find("Access-Control-Allow-Origin: https://app.example\r\n"),
            std::string::npos);
}

Task<void> Stream(Exchange& exchange) {
  Reply head;
  head.headers.Add("Content-Type", "text/event-stream");
  exchange.Start(std::move(head));
  for (const char* word : {"one ", "two ", "three"}) {
    if (!co_await exchange.Write(word)) co_return;
    co_await SleepFor(milliseconds(1));
  }
  if (exchange.request().path == "/abort") {
    exchange.Abort();
    co_return;
  }
  if (exchange.request().path == "/forget") co_return;
  if (exchange.request().path == "/throw") throw std::runtime_error("bug");
  co_await exchange.End();
}

TEST_F(ServerTest, AStreamIsChunkedAndTheConnectionGoesOn) {
  Serve({}, Stream);
  Client client(address_);
  client.Send(Get("/"));
  EXPECT_NE(client.Take("\r\n\r\n").find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(client.Take("0\r\n\r\n"), "4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n");
  client.Send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n" + Get("/", "Connection: close\r\n"));
  client.Take("\r\n\r\n");
  EXPECT_TRUE(client.Take("\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, AnHttp10StreamEndsWithTheConnection) {
  Serve({}, Stream);
  Client client(address_);
  client.Send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  const std::string answer = client.ReadAll();
  EXPECT_EQ(BodyOf(answer), "one two three");
  EXPECT_FALSE(client.was_reset());
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, ABrokenStreamNeverLooksFinished) {
  Serve({}, Stream);
  for (const char* path : {"/abort", "/forget", "/throw"}) {
    Client client(address_);
    client.Send(Get(path));
    const std::string answer = client.ReadAll();
    EXPECT_NE(answer.find("three"), std::string::npos) << path;
    EXPECT_EQ(answer.find("0\r\n\r\n"), std::string::npos) << path;
    Client old(address_);
    old.Send("GET " + std::string(path) + " HTTP/1.0\r\nHost: localhost\r\n\r\n");
    old.ReadAll();
    EXPECT_TRUE(old.was_reset()) << path;
  }
}

TEST_F(ServerTest, AHandlerWithoutAnswerIsA500) {
  Serve({}, [](Exchange& exchange) -> Task<void> {
    if (exchange.request().path == "/throw") throw std::runtime_error("secret words");
    co_return;
  });
  for (const char* path : {"/throw", "/forget"}) {
    Client client(address_);
    client.Send(Get(path));
    const std::string answer = client.ReadAll();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
    EXPECT_EQ(answer.find("secret"), std::string::npos);
  }
}

TEST_F(ServerTest, AClientThatLeavesIsNoticedWhileTheHandlerWaits) {
  std::promise<std::string> noticed;
  std::unique_ptr<Event> never;
  Serve({}, [&](Exchange& exchange) -> Task<void> {
    never = std::make_unique<Event>(loop_->executor());
    const Result<void> waited = co_await never->Wait();
    std::string what = waited ? "set" : std::string(CodeName(waited.error().code));
    what += exchange.ClientGone() ? ", gone" : ", there";
    const Result<void> sent = co_await exchange.Send(Reply{});
    what += sent ? ", sent" : ", not sent";
    noticed.set_value(what);
  });
  Client client(address_);
  client.Send(Get("/"));
  ASSERT_TRUE(Eventually([&] { return server_->exchange_count() == 1; }));
  const MonotonicTime left = SystemClock().Now();
  client.Close();
  EXPECT_EQ(noticed.get_future().get(), "cancelled, gone, not sent");
  EXPECT_LT(SystemClock().Now() - left, seconds(2));
  EXPECT_TRUE(Eventually([&] { return server_->connection_count() == 0; }));
  OnLoop([&] { never.reset(); });
}

TEST_F(ServerTest, AClientThatLeavesStopsAStreamThatIsBlocked) {
  std::promise<Code> ended;
  Serve({}, [&](Exchange& exchange) -> Task<void> {
    exchange.Start(Reply{});
    const std::string block(100'000, 'x');
    Result<void> written;
    while ((written = co_await exchange.Write(block))) {
    }
    ended.set_value(written.error().code);
  });
  Client client(address_, 4096);
  client.Send(Get("/"));
  ASSERT_TRUE(client.ReadUntil("xxxx"));
  client.Close();
  EXPECT_EQ(ended.get_future().get(), Code::kCancelled);
}

TEST_F(ServerTest, ASlowReaderHoldsItsOwnStreamBackAndNobodyElse) {
  uint64_t written = 0;
  Serve({}, [&](Exchange& exchange) -> Task<void> {
    if (exchange.request().path == "/quick") {
      co_await Echo(exchange);
      co_return;
    }
    exchange.Start(Reply{});
    const std::string block(10'000, 'x');
    while (co_await exchange.Write(block)) written += block.size();
  });
  Client slow(address_, 4096);
  slow.Send(Get("/slow"));
  ASSERT_TRUE(slow.ReadUntil("xxxx"));
  uint64_t before = 1;
  ASSERT_TRUE(Eventually([&] { return std::exchange(before, written) == written; }));
  EXPECT_LT(before, 600'000u) << "our send buffer and the client's receive buffer";
  Client quick(address_);
  quick.Send(Get("/quick"));
  EXPECT_TRUE(quick.Take("\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, AClientThatTakesNothingIsClosed) {
  ServerOptions options;
  options.write_stall = milliseconds(100);
  options.tick = milliseconds(10);
  std::promise<bool> gone;
  Serve(options, [&](Exchange& exchange) -> Task<void> {
    exchange.Start(Reply{});
    const std::string block(100'000, 'x');
    while (co_await exchange.Write(block)) {
    }
    gone.set_value(exchange.ClientGone());
  });
  Client client(address_, 4096);
  client.Send(Get("/"));
  EXPECT_TRUE(gone.get_future().get());
  client.ReadAll();
  EXPECT_TRUE(client.was_reset());
}

TEST_F(ServerTest, ASlowHeadGets408AndASilentConnectionIsClosed) {
  ServerOptions options;
  options.head_timeout = milliseconds(60);
  options.idle_timeout = milliseconds(120);
  options.tick = milliseconds(5);
  Serve(options, Echo);
  Client slow(address_);
  std::jthread dripper([&](const std::stop_token& stop) {
    for (const char c : std::string(5000, 'a')) {
      if (stop.stop_requested()) break;
      slow.Send(std::string_view(&c, 1));
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  EXPECT_TRUE(slow.Take("\r\n\r\n").starts_with("HTTP/1.1 408 "));
  EXPECT_NE(slow.Take("}").find("within 0.06 s"), std::string::npos);
  dripper.request_stop();
  Client silent(address_);
  EXPECT_EQ(silent.ReadAll(), "");
  Client kept(address_);
  kept.Send(Get("/"));
  kept.Take("GET /? ");
  EXPECT_EQ(kept.ReadAll(), "");
}

TEST_F(ServerTest, ASlowBodyGets408) {
  ServerOptions options;
  options.body_grace = milliseconds(50);
  options.tick = milliseconds(5);
  Serve(options, Echo);
  Client client(address_);
  client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nsome");
  const std::string answer = client.ReadAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << answer;
  EXPECT_NE(answer.find("51 bytes in each 0.05 s"), std::string::npos) << answer;
}

TEST_F(ServerTest, ConnectionsOverTheLimitAreToldToComeBack) {
  ServerOptions options;
  options.connections_max = 2;
  Serve(options, Echo);
  std::vector<Client> kept;
  for (int i = 0; i < 2; ++i) {
    kept.emplace_back(address_);
    kept.back().Send(Get("/"));
    kept.back().Take("GET /? ");
  }
  Client third(address_);
  third.Send(Get("/"));
  const std::string answer = third.ReadAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("Retry-After: "), std::string::npos);
  third.Close();
  kept.clear();
  ASSERT_TRUE(Eventually([&] { return server_->connection_count() == 0; }));
  Client fourth(address_);
  fourth.Send(Get("/"));
  EXPECT_EQ(BodyOf(fourth.Take("GET /? ")), "GET /? ");
}

TEST_F(ServerTest, BodiesInMemoryAreBoundedOverAllConnections) {
  ServerOptions options;
  options.held_body_bytes_max = 100'000;
  Serve(options, Echo);
  Client first(address_);
  first.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n" +
             std::string(90'000, 'x'));
  Client second(address_);
  second.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n" +
              std::string(90'000, 'x'));
  second.Send(std::string(20'000, 'x'));
  EXPECT_TRUE(second.ReadAll().starts_with("HTTP/1.1 503 "));
}

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST_F(ServerTest, AThousandIdleConnectionsAreCheapAndInNobodysWay) {
  Serve({}, Echo);
  std::vector<Client> clients;
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = std::min<rlim_t>(descriptors.rlim_max, 4096);
  setrlimit(RLIMIT_NOFILE, &descriptors);
  const int count = 1000;
  clients.reserve(count);
  const auto open = [&] {
    clients.emplace_back(address_);
    clients.back().Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n" +
                        std::string(20'000, 'x'));
    clients.back().Take(std::string(20'000, 'x'));
  };
  for (int i = 0; i < 50; ++i) open();  // warm: allocators, stacks
  const int64_t before = ResidentBytes();
  for (int i = 50; i < count; ++i) open();
  const int64_t each = (ResidentBytes() - before) / (count - 50);
  RecordProperty("bytes_per_idle_connection", static_cast<int>(each));
  std::printf("idle connection: %lld bytes, client included\n", static_cast<long long>(each));
  if (!kSanitized) {
    EXPECT_LE(each, 32 * 1024);
  }
  Client another(address_);
  another.Send(Get("/"));
  EXPECT_TRUE(another.Take("\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, DrainLetsRunningExchangesFinishAndClosesIdleConnections) {
  std::unique_ptr<Event> go;
  Serve({}, [&](Exchange& exchange) -> Task<void> {
    if (exchange.request().path != "/slow") {
      co_await Echo(exchange);
      co_return;
    }
    exchange.Start(Reply{});
    co_await exchange.Write("begun ");
    co_await go->Wait();
    co_await exchange.Write("ended");
    co_await exchange.End();
  });
  OnLoop([&] { go = std::make_unique<Event>(loop_->executor()); });
  Client idle(address_);
  idle.Send(Get("/"));
  idle.Take("GET /? ");
  Client running(address_);
  running.Send(Get("/slow"));
  ASSERT_TRUE(running.ReadUntil("begun"));
  running.Send(Get("/late"));
  std::future<void> drained = StartDrain(seconds(30));
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_EQ(drained.wait_for(milliseconds(50)), std::future_status::timeout);
  Client late(address_);
  late.Send(Get("/"));
  EXPECT_NE(late.ReadAll().find("HTTP/1.1 503 "), std::string::npos);
  Client silent(address_);  // says nothing, and holds nothing up
  OnLoop([&] { go->Set(); });
  const std::string answers = running.ReadAll();
  EXPECT_NE(answers.find("ended\r\n0\r\n\r\n"), std::string::npos) << answers;
  EXPECT_NE(answers.find("HTTP/1.1 503 "), std::string::npos) << answers;
  EXPECT_NE(answers.find("Connection: close"), std::string::npos) << answers;
  running.Close();
  drained.get();
  EXPECT_TRUE(Eventually([&] { return server_->connection_count() == 0; }));
}

TEST_F(ServerTest, DrainAbortsWhatIsLeftAtItsDeadline) {
  Serve({}, [](Exchange& exchange) -> Task<void> {
    exchange.Start(Reply{});
    co_await exchange.Write("begun ");
    while (!exchange.ClientGone()) co_await SleepFor(std::chrono::hours(1));
  });
  Client client(address_);
  client.Send(Get("/"));
  ASSERT_TRUE(client.ReadUntil("begun"));
  StartDrain(milliseconds(20)).get();
  EXPECT_EQ(client.ReadAll().find("0\r\n\r\n"), std::string::npos);
}

TEST_F(ServerTest, EndsCleanlyWithExchangesRunning) {
  Serve({}, [](Exchange& exchange) -> Task<void> {
    while (!exchange.ClientGone()) co_await SleepFor(std::chrono::hours(1));
  });
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(address_);
    clients.back().Send(Get("/"));
  }
  Client idle(address_);
  ASSERT_TRUE(Eventually([&] { return server_->exchange_count() == 5; }));
  Shutdown();
  for (Client& client : clients) client.ReadAll();
}

TEST(FakeExchange, BehavesTowardsAHandlerAsTheServerDoes) {
  Loop loop;
  FakeExchange whole(Request{.method = "GET", .path = "/p"});
  FakeExchange stream(Request{.method = "GET", .path = "/"});
  FakeExchange leaver(Request{.method = "GET", .path = "/"});
  leaver.LeaveAfterWrites(1);
  Spawn(loop.executor(), "whole", Echo(whole));
  Spawn(loop.executor(), "stream", Stream(stream));
  Spawn(loop.executor(), "leaver", Stream(leaver));
  loop.Run();
  EXPECT_EQ(whole.body(), "GET /p? ");
  EXPECT_TRUE(stream.finished());
  EXPECT_EQ(stream.body(), "one two three");
  EXPECT_FALSE(leaver.finished());
  EXPECT_EQ(leaver.body(), "one ");
}

TEST(Listen, TellsThePortAndWhyItCannot) {
  const Result<ListenSocket> first = Listen("127.0.0.1:0");
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->address.ends_with(":0"));
  const Result<ListenSocket> second = Listen(first->address);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  for (const char* bad :
       {"", "127.0.0.1", "nowhere.example:80", "127.0.0.1:99999", ":80", "[::1:80"}) {
    EXPECT_FALSE(Listen(bad)) << bad;
  }
  EXPECT_TRUE(IsLoopbackAddress("127.0.0.1:1"));
  EXPECT_TRUE(IsLoopbackAddress("[::1]:1"));
  EXPECT_FALSE(IsLoopbackAddress("0.0.0.0:1"));
  EXPECT_FALSE(IsLoopbackAddress("[::]:1"));
  close(first->fd);
}

}  // namespace
}  // namespace weir::http
