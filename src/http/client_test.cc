#include "http/client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "async/loop.h"
#include "http/listen.h"
#include "http/server.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Task<void> Answer(Exchange& exchange) {
  const Request& request = exchange.request();
  if (request.path == "/hang") {
    while (!exchange.ClientGone()) co_await SleepFor(std::chrono::hours(1));
  } else if (request.path == "/redirect") {
    Reply reply{.status = 302};
    reply.headers.Add("Location", "/secret");
    co_await exchange.Send(std::move(reply));
  } else if (request.path == "/stream" || request.path == "/broken") {
    exchange.Start(Reply{});
    for (const char* word : {"one ", "two ", "three"}) co_await exchange.Write(word);
    if (request.path == "/stream") co_await exchange.End();
  } else {
    Reply reply{.status = request.path == "/bad" ? 400 : 200};
    reply.headers.Add("X-Echo", request.headers.Find("x-echo").value_or("none"));
    reply.body = request.method + " " + request.path + " " + request.body;
    co_await exchange.Send(std::move(reply));
  }
}

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    const Result<ListenSocket> socket = Listen("127.0.0.1:0");
    EXPECT_TRUE(socket);
    url_ = "http://" + socket->address;
    server_ = std::make_unique<Server>(loop_.executor(), ServerOptions{}, Answer);
    EXPECT_TRUE(server_->Accept(socket->fd));
    thread_ = std::thread([this] { loop_.Run(); });
  }
  ~ClientTest() override {
    Post(loop_.executor(), [this] {
      server_.reset();
      loop_.Stop();
    });
    thread_.join();
  }
  ClientRequest To(const std::string& path, std::string method = "GET", std::string body = "") {
    return {.method = std::move(method), .url = url_ + path, .body = std::move(body)};
  }

  Loop loop_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::string url_;
  Client client_;
};

TEST_F(ClientTest, SendsMethodsBodiesAndFieldsAndKeepsItsConnection) {
  ClientRequest post = To("/a", "POST", "{\"x\":1}");
  post.headers.Add("X-Echo", "hello");
  const Result<ClientReply> reply = client_.Do(post);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "POST /a {\"x\":1}");
  EXPECT_EQ(reply->headers.Find("x-echo"), "hello");
  EXPECT_EQ(client_.Do(To("/b"))->body, "GET /b ");
  EXPECT_EQ(client_.Do(To("/c", "DELETE"))->body, "DELETE /c ");
  EXPECT_EQ(client_.Do(To("/d", "HEAD"))->body, "");
  EXPECT_EQ(client_.Do(To("/e", "POST"))->body, "POST /e ");
  EXPECT_EQ(client_.Do(To("/bad"))->status, 400);
}

TEST_F(ClientTest, NeverFollowsARedirectOrAProxyOfTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  const Result<ClientReply> reply = client_.Do(To("/redirect"));
  unsetenv("http_proxy");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 302);
}

TEST_F(ClientTest, StreamsTheBodyAndCanStop) {
  std::string seen;
  ClientRequest request = To("/stream");
  request.on_body = [&](std::string_view bytes) {
    seen += bytes;
    return true;
  };
  ASSERT_TRUE(client_.Do(request));
  EXPECT_EQ(seen, "one two three");
  request.on_body = [](std::string_view) { return false; };
  const Result<ClientReply> stopped = client_.Do(request);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
}

TEST_F(ClientTest, CollectsABodyThatIsNotWantedAsAStream) {
  ClientRequest request = To("/bad");
  request.on_body = [](std::string_view) { return false; };
  request.wants_stream = [](int status) { return status == 200; };
  const Result<ClientReply> reply = client_.Do(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "GET /bad ");
}

TEST_F(ClientTest, AStreamThatBreaksIsAnError) {
  const Result<ClientReply> reply = client_.Do(To("/broken"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kBackendFailed);
}

TEST_F(ClientTest, ABodyOverTheLimitIsAnError) {
  ClientRequest request = To("/stream");
  request.body_bytes_max = 5;
  const Result<ClientReply> reply = client_.Do(request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kTooLarge);
}

TEST_F(ClientTest, TimesOutAndIsCancelled) {
  ClientRequest slow = To("/hang");
  slow.total_timeout = milliseconds(50);
  EXPECT_EQ(client_.Do(slow).error().code, Code::kDeadlineExceeded);
  std::atomic<bool> cancel = false;
  ClientRequest cancelled = To("/hang");
  cancelled.cancel = &cancel;
  std::jthread canceller([&] {
    std::this_thread::sleep_for(milliseconds(20));
    cancel = true;
  });
  const MonotonicTime begin = SystemClock().Now();
  EXPECT_EQ(client_.Do(cancelled).error().code, Code::kCancelled);
  EXPECT_LT(SystemClock().Now() - begin, seconds(5));
  EXPECT_EQ(client_.Do(To("/again"))->body, "GET /again ") << "the client is usable afterwards";
}

TEST(Client, SaysThatNobodyListensAndWhatIsNoAddress) {
  Client client;
  const Result<ListenSocket> socket = Listen("127.0.0.1:0");
  ASSERT_TRUE(socket);
  close(socket->fd);
  EXPECT_EQ(client.Do({.url = "http://" + socket->address + "/"}).error().code, Code::kUnavailable);
  EXPECT_EQ(client.Do({.url = "https://localhost/"}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(client.Do({.url = "file:///etc/passwd"}).error().code, Code::kInvalidArgument);
  ClientRequest forged{.url = "http://localhost/"};
  forged.headers.Add("X", "a\r\nY: b");
  EXPECT_EQ(client.Do(forged).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace weir::http
