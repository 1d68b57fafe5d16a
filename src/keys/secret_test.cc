#include "keys/secret.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::keys {
namespace {

TEST(Secret, HasItsPublishedShapeAndNoTwoAreAlike) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string secret = NewSecret();
    ASSERT_EQ(secret.size(), 51u);
    ASSERT_TRUE(secret.starts_with("weir_sk_"));
    ASSERT_EQ(secret.find_first_not_of(
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
              std::string::npos);
    ASSERT_TRUE(seen.insert(secret).second);
  }
}

TEST(Secret, OnlyTheWholeSecretHasItsDigest) {
  std::string secret = NewSecret();
  const auto digest = DigestOf(secret);
  ASSERT_TRUE(digest);
  EXPECT_TRUE(SameDigest(*digest, *DigestOf(secret)));
  for (size_t i = kSecretPrefix.size(); i < secret.size(); ++i) {
    std::string other = secret;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    ASSERT_FALSE(SameDigest(*digest, *DigestOf(other))) << "character " << i;
  }
}

TEST(Secret, WhatHasAnotherShapeIsNotHashed) {
  const std::string secret = NewSecret();
  EXPECT_FALSE(DigestOf(""));
  EXPECT_FALSE(DigestOf("ollama"));
  EXPECT_FALSE(DigestOf(secret.substr(0, 50)));
  EXPECT_FALSE(DigestOf(secret + "A"));
  EXPECT_FALSE(DigestOf("Weir_sk_" + secret.substr(8)));
  EXPECT_FALSE(DigestOf(secret.substr(0, 50) + "\n"));
  EXPECT_FALSE(DigestOf(std::string(1 << 20, 'a')));
}

// The digest is what stands on disk: a change of it would lock everybody out.
TEST(Secret, TheDigestOfAKnownSecretNeverChanges) {
  const auto digest = DigestOf("weir_sk_0123456789012345678901234567890123456789012");
  ASSERT_TRUE(digest);
  std::string hex;
  for (const std::byte byte : *digest) {
    hex += "0123456789abcdef"[static_cast<int>(byte) >> 4];
    hex += "0123456789abcdef"[static_cast<int>(byte) & 15];
  }
  EXPECT_EQ(hex, "057dfdb4109b2162247f372785284f6a893db031cf49b1179cb7b3e375c3cc36");
}

}  // namespace
}  // namespace weir::keys
