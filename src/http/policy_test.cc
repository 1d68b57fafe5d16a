#include "http/policy.h"

#include <gtest/gtest.h>

#include "http/response.h"

namespace weir::http {
namespace {

Request From(std::string_view host, std::string_view origin = "") {
  Request request;
  request.headers.Add("Host", host);
  if (!origin.empty()) request.headers.Add("Origin", origin);
  return request;
}

class Policy : public testing::Test {
 protected:
  Policy()
      : policy_({.hosts = {"weir.lan", "tight.lan:9347"}, .origins = {"https://app.example"}}) {
    policy_.AddListener("192.168.1.5");
    policy_.AddListener("0.0.0.0");
  }
  std::string_view Reason(const Request& request, std::string_view local = "127.0.0.1") {
    const std::optional<Refusal> refusal = policy_.Check(request, local);
    if (!refusal) return "ok";
    EXPECT_EQ(refusal->status, 403);
    return refusal->reason;
  }
  HostPolicy policy_;
};

TEST_F(Policy, LetsLoopbackNamesInWithAnyPort) {
  for (const char* host :
       {"localhost", "LocalHost:1", "127.0.0.1:9347", "127.8.9.10", "[::1]:80"}) {
    EXPECT_EQ(Reason(From(host)), "ok") << host;
  }
}

TEST_F(Policy, LetsOwnAddressesAndConfiguredNamesIn) {
  EXPECT_EQ(Reason(From("192.168.1.5:9347")), "ok");
  EXPECT_EQ(Reason(From("weir.lan:1")), "ok");
  EXPECT_EQ(Reason(From("tight.lan:9347")), "ok");
  EXPECT_EQ(Reason(From("10.0.0.7"), "10.0.0.7"), "ok");
}

TEST_F(Policy, KeepsEveryOtherHostOut) {
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "127.0.0", "127.0.0.256", "0.0.0.0", "[::]", "tight.lan:1",
                           "192.168.1.6", "10.0.0.7", "169.254.169.254", "127..0.1"}) {
    EXPECT_EQ(Reason(From(host)), "host_not_allowed") << host;
  }
  EXPECT_EQ(Reason(From("0.0.0.0"), "0.0.0.0"), "host_not_allowed");
}

TEST_F(Policy, LetsTheSameOriginAndConfiguredOriginsIn) {
  EXPECT_EQ(Reason(From("localhost:9347", "http://localhost:9347")), "ok");
  EXPECT_EQ(Reason(From("localhost:9347", "https://app.example")), "ok");
}

TEST_F(Policy, KeepsEveryOtherOriginOut) {
  for (const char* origin :
       {"http://evil.example", "null", "http://localhost:3000", "https://app.example.evil",
        "ftp://localhost:9347", "localhost:9347"}) {
    EXPECT_EQ(Reason(From("localhost:9347", origin)), "origin_not_allowed") << origin;
  }
  Request twice = From("localhost", "http://localhost");
  twice.headers.Add("Origin", "http://localhost");
  EXPECT_EQ(Reason(twice), "origin_not_allowed");
}

TEST(ResponseHead, LeavesOutAFieldThatWouldForgeAnother) {
  Headers headers;
  headers.Add("X-Good", "1");
  headers.Add("X-Bad", "a\r\nSet-Cookie: b");
  headers.Add("X Bad", "2");
  const std::string head =
      BuildHead(200, headers, {.content_length = 3, .date = HttpDate(1'700'000'000)});
  EXPECT_EQ(head,
            "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nX-Good: "
            "1\r\nContent-Length: 3\r\n\r\n");
}

}  // namespace
}  // namespace weir::http
