#include "gateway/images.h"

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

const ImageSource kHost{.backend = "pictures", .url = "https://img.example.com"};
const ImageSource kFolder{.backend = "pictures", .url = "https://img.example.com/shop/"};

TEST(PathAt, IsWhatLiesBehindTheUrl) {
  EXPECT_EQ(PathAt(kHost, "https://img.example.com/a/b.png?w=3#top"), "/a/b.png?w=3");
  EXPECT_EQ(PathAt(kHost, "https://img.example.com"), "/");
  EXPECT_EQ(PathAt(kHost, "HTTPS://IMG.Example.com:443/A.png"), "/A.png");
  EXPECT_EQ(PathAt(kFolder, "https://img.example.com/shop/a.png"), "/a.png");
  EXPECT_EQ(PathAt({.url = "http://10.0.0.7:8080"}, "http://10.0.0.7:8080/a"), "/a");
}

TEST(PathAt, IsEmptyForWhatLiesElsewhere) {
  for (const char* other :
       {"http://img.example.com/a.png", "https://img.example.com:8443/a.png",
        "https://img.example.com.evil.org/a.png", "https://img.example.com@evil.org/a.png",
        "https://evil.org/https://img.example.com/a.png", "https://user@img.example.com/a.png",
        "img.example.com/a.png", "//img.example.com/a.png", "", "https://"}) {
    EXPECT_EQ(PathAt(kHost, other), "") << other;
  }
  for (const char* other :
       {"https://img.example.com/a.png", "https://img.example.com/shopping/a.png",
        "https://img.example.com/shop/../a.png", "https://img.example.com/shop/%2E%2e/a.png",
        "https://img.example.com/shop/..%2fa.png", "https://img.example.com/shop/./a.png",
        "https://img.example.com/shop/..\\a.png"}) {
    EXPECT_EQ(PathAt(kFolder, other), "") << other;
  }
}

TEST(PathAt, IsEmptyForWhatCannotStandInARequestLine) {
  for (const char* broken : {"https://img.example.com/a b.png", "https://img.example.com/a\nb",
                             "https://img.example.com/\xc3\xa9.png"}) {
    EXPECT_EQ(PathAt(kHost, broken), "") << broken;
  }
}

}  // namespace
}  // namespace weir::gateway
