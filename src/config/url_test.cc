#include "config/url.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

TEST(Url, PlainHttpGoesOnlyToLoopbackAndPrivateAddresses) {
  for (const char* good :
       {"http://127.0.0.1:8000/v1", "http://localhost:11434", "http://10.1.2.3",
        "http://172.31.0.1", "http://192.168.1.5:80", "http://[::1]:8000", "http://[fd12::1]/v1",
        "http://vllm:8000/v1", "http://rack.internal/v1"}) {
    EXPECT_TRUE(ParseUrl(good)) << good;
  }
  for (const char* bad :
       {"http://8.8.8.8/v1", "http://api.openai.com/v1", "http://172.32.0.1", "http://0.0.0.0",
        "http://169.254.169.254/latest", "http://[2001:db8::1]", "http://[::ffff:8.8.8.8]",
        "http://2130706433", "http://127.1", "http://0x7f000001", "http://1.2.3.4.localhost.",
        "http://localhost.example.com"}) {
    EXPECT_FALSE(ParseUrl(bad)) << bad;
  }
}

TEST(Url, MetadataIsNobodysBackend) {
  for (const char* bad :
       {"https://169.254.169.254", "https://2852039166/v1", "https://0xa9fea9fe/v1",
        "https://[::ffff:169.254.169.254]/v1", "https://169.254.169.254.:443",
        "https://[fd20:ce::254]", "http://[fd00:ec2::254]/v1", "https://0.0.0.0",
        "http://metadata.google.internal/v1", "http://metadata",
        "https://Metadata.Azure.Internal.:443", "http://instance-data.ec2.internal",
        "https://metadata.tencentyun.com", "https://169-254-169-254.example.com/v1"}) {
    const auto refused = ParseUrl(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_NE(refused.error().find("cloud metadata"), std::string::npos) << refused.error();
  }
  EXPECT_FALSE(ParseProxy("http://169.254.169.254:80"));
  EXPECT_FALSE(ParseProxy("http://metadata.google.internal"));
  EXPECT_TRUE(ParseProxy("http://proxy.lan:3128"));
}

TEST(Url, HttpsGoesAnywhere) {
  EXPECT_EQ(ParseUrl("https://api.openai.com/v1/").value(), "https://api.openai.com/v1");
  EXPECT_TRUE(ParseUrl("https://8.8.8.8:443"));
}

TEST(Url, WhatIsNoPlainUrlIsRefused) {
  for (const char* bad :
       {"", "api.openai.com", "ftp://a", "HTTP://a", "https://", "https://:443", "https://a b",
        "https://a?x=1", "https://a#f", "https://a:0", "https://a:65536", "https://a:x",
        "https://[::1", "https://a\\b", "https://-a", "file:///etc/passwd"}) {
    EXPECT_FALSE(ParseUrl(bad)) << bad;
  }
}

TEST(Url, ACredentialInAUrlIsRefusedAndNotRepeated) {
  const auto refused = ParseUrl("https://user:hunter2@api.openai.com/v1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().find("hunter2"), std::string::npos);
  EXPECT_FALSE(ParseUrl("http://localhost@8.8.8.8/"));
}

TEST(Url, LoopbackIsTold) {
  const auto place = ParseLoopback("http://127.0.0.1:8000/v1");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->addresses, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(place->port, 8000);
  EXPECT_EQ(place->host, "127.0.0.1:8000");
  EXPECT_EQ(ParseLoopback("http://localhost")->addresses.size(), 2u);
  EXPECT_EQ(ParseLoopback("http://localhost")->port, 80);
  EXPECT_EQ(ParseLoopback("http://[::1]:9/v1")->addresses, std::vector<std::string>{"::1"});
  for (const char* other : {"https://127.0.0.1:8000", "http://10.0.0.1:8000", "http://rack:8000",
                            "http://[fd00::1]:8000", "http://127.example:80", ""}) {
    EXPECT_FALSE(ParseLoopback(other)) << other;
  }
}

TEST(Url, AProxyHasAHostAndPerhapsAPort) {
  for (const char* good :
       {"http://proxy:3128", "http://proxy", "http://10.0.0.1:8080", "http://[::1]:1"}) {
    EXPECT_TRUE(ParseProxy(good)) << good;
  }
  for (const char* bad : {"http://:8080", "http://a:b:c", "http://host:99999", "http://host:0",
                          "http://", "https://proxy:1", "http://u@proxy:1", "http://proxy:1/path",
                          "http://a b:1", "http://[::1", "http://host:"}) {
    EXPECT_FALSE(ParseProxy(bad)) << bad;
  }
}

}  // namespace
}  // namespace weir::config
