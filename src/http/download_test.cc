#include "http/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "async/loop.h"
#include "http/listen.h"
#include "http/server.h"

namespace weir::http {
namespace {

using testing::HasSubstr;

TEST(DownloadAddressTest, OnlyHttpsAndThisMachineAreFetchedFrom) {
  for (const char* good : {"https://hub.example/x", "http://127.0.0.1:8/x", "http://[::1]:8/x",
                           "http://localhost/x", "http://127.9.9.9/"}) {
    EXPECT_TRUE(MayFetch(good)) << good;
  }
  for (const char* bad :
       {"http://hub.example/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://10.0.0.1/",
        "http://127.0.0.1.evil.example/", "http://0.0.0.0/", "https://user:secret@hub.example/", "",
        "https://", "gopher://127.0.0.1/", "http://2130706433@evil.example/"}) {
    EXPECT_FALSE(MayFetch(bad)) << bad;
  }
}

// A second server stands for another host: another port is another origin.
class DownloadTest : public testing::Test {
 protected:
  DownloadTest() {
    for (int i = 0; i < 2; ++i) {
      const auto socket = Listen("127.0.0.1:0");
      EXPECT_TRUE(socket);
      urls_[i] = "http://" + socket->address;
      servers_[i] =
          std::make_unique<Server>(loop_.executor(), ServerOptions{},
                                   [this](Exchange& exchange) { return Answer(exchange); });
      EXPECT_TRUE(servers_[i]->Accept(socket->fd));
    }
    thread_ = std::thread([this] { loop_.Run(); });
  }
  ~DownloadTest() override {
    Post(loop_.executor(), [this] {
      servers_[0].reset();
      servers_[1].reset();
      loop_.Stop();
    });
    thread_.join();
  }

  Task<void> Answer(Exchange& exchange) {
    const Request& request = exchange.request();
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(request.path + " " +
                      std::string(request.headers.Find("authorization").value_or("none")) + " " +
                      std::string(request.headers.Find("range").value_or("all")));
    }
    Reply reply{.status = 200};
    if (request.path == "/same") {
      reply.status = 302;
      reply.headers.Add("Location", "/file");
    } else if (request.path == "/other") {
      reply.status = 307;
      reply.headers.Add("Location", urls_[1] + "/file");
    } else if (request.path == "/outside") {
      reply.status = 302;
      reply.headers.Add("Location", "http://hub.example/file");
    } else if (request.path == "/loop") {
      reply.status = 302;
      reply.headers.Add("Location", "/loop");
    } else if (request.path == "/busy") {
      reply.status = 429;
      reply.headers.Add("Retry-After", "7");
    } else if (request.path == "/part") {
      reply.status = 206;
      reply.headers.Add("Content-Range", "bytes 3-5/10");
      reply.body = "345";
    } else {
      reply.body = "the file";
    }
    co_await exchange.Send(std::move(reply));
  }
  std::vector<std::string> Seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  Loop loop_;
  std::string urls_[2];
  std::unique_ptr<Server> servers_[2];
  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::thread thread_;
  Downloads downloads_{{}};
};

TEST_F(DownloadTest, ARedirectOnTheSameHostKeepsTheToken) {
  const auto got = downloads_.Get({.url = urls_[0] + "/same", .token = "hf_x"}, 100);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "the file");
  EXPECT_TRUE(got->head.redirected);
  EXPECT_THAT(Seen(), testing::ElementsAre("/same Bearer hf_x all", "/file Bearer hf_x all"));
}

TEST_F(DownloadTest, AnotherHostNeverSeesTheToken) {
  const auto got = downloads_.Get({.url = urls_[0] + "/other", .token = "hf_x"}, 100);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_THAT(Seen(), testing::ElementsAre("/other Bearer hf_x all", "/file none all"));
}

TEST_F(DownloadTest, RedirectsToPlainHttpElsewhereAreNotFollowed) {
  const auto got = downloads_.Get({.url = urls_[0] + "/outside"}, 100);
  EXPECT_EQ(got.error().reason, "redirect_refused");
  EXPECT_EQ(Seen().size(), 1u);
}

TEST_F(DownloadTest, RedirectsEnd) {
  const auto got = downloads_.Get({.url = urls_[0] + "/loop"}, 100);
  EXPECT_THAT(got.error().message, HasSubstr("more than 8"));
  EXPECT_EQ(Seen().size(), 9u);
}

TEST_F(DownloadTest, DocumentsAreBounded) {
  EXPECT_EQ(downloads_.Get({.url = urls_[0] + "/file"}, 7).error().code, Code::kTooLarge);
  EXPECT_EQ(downloads_.Get({.url = urls_[0] + "/file"}, 8)->body, "the file");
}

TEST_F(DownloadTest, AStatusIsAnAnswerAndHasWordsForPeople) {
  const auto got = downloads_.Get({.url = urls_[0] + "/busy"}, 100);
  ASSERT_TRUE(got);
  const Error error = StatusError("the hub", got->head);
  EXPECT_EQ(error.retry_after_s, 7);
  EXPECT_EQ(error.message, "the hub has had too many requests; try again in 7 s");
}

TEST_F(DownloadTest, RangesAreAskedForAndRead) {
  DownloadHead head;
  std::string body;
  const uint64_t id =
      downloads_.Start({.url = urls_[0] + "/part", .whole = false, .first = 3, .last = 5},
                       {.on_head =
                            [&](const DownloadHead& seen) {
                              head = seen;
                              return true;
                            },
                        .on_bytes =
                            [&](std::string_view bytes) {
                              body += bytes;
                              return true;
                            }});
  std::vector<Ended> ended;
  while (ended.empty()) ended = downloads_.Step(std::chrono::milliseconds(50));
  EXPECT_EQ(ended.front().id, id);
  EXPECT_TRUE(ended.front().outcome);
  EXPECT_EQ(head.total, 10u);
  EXPECT_EQ(head.first, 3u);
  EXPECT_EQ(body, "345");
  EXPECT_THAT(Seen(), testing::ElementsAre("/part none bytes=3-5"));
}

TEST_F(DownloadTest, APeekSeesTheHeadAlone) {
  const auto head = downloads_.Peek(urls_[0] + "/part", "");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->total, 10u);
  EXPECT_EQ(downloads_.running(), 0u);
}

TEST_F(DownloadTest, NobodyThereIsOneLine) {
  const auto got = downloads_.Get({.url = "http://127.0.0.1:1/x"}, 100);
  EXPECT_EQ(got.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace weir::http
