#include "scheduler/host_tier.h"

#include <gtest/gtest.h>

#include <numeric>

namespace weir::scheduler {
namespace {

using std::chrono::seconds;

std::vector<Token> operator+(std::vector<Token> a, const std::vector<Token>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<Token> Text(Token from, int32_t count) {
  std::vector<Token> tokens(static_cast<size_t>(count));
  std::iota(tokens.begin(), tokens.end(), from);
  return tokens;
}

class HostTierTest : public ::testing::Test {
 protected:
  // Adds and answers with 10 bytes for each token.
  Slot Keep(const Domain& domain, const std::vector<Token>& tokens, int32_t at_s = 0,
            int32_t answer = 0) {
    ops.clear();
    EXPECT_EQ(tier.Judge(domain, tokens), HostTier::Worth::kSave);
    const int32_t prompt = static_cast<int32_t>(tokens.size()) - answer;
    EXPECT_TRUE(tier.Add(domain, tokens, prompt, 0, MonotonicTime{} + seconds(at_s), ops));
    const SeqOp save = ops.back();
    EXPECT_EQ(save.kind, SeqOp::Kind::kSave);
    EXPECT_GE(save.bytes_max, 10 * tokens.size());
    tier.Saved(save.slot, 10 * tokens.size());
    return save.slot;
  }

  HostTier tier{10'000, 64, 16};
  std::vector<SeqOp> ops;
  const Domain mine{.tenant_salt = 1, .group = 0};
  const Domain theirs{.tenant_salt = 2, .group = 0};
  const Domain adapter{.tenant_salt = 1, .group = 1};
};

TEST_F(HostTierTest, TheLongestCommonBeginningIsFoundInItsOwnDomainOnly) {
  const Slot slot = Keep(mine, Text(0, 200));
  const HostTier::Match match = tier.Find(mine, Text(0, 150), 149);
  EXPECT_EQ(match.length, 149);
  EXPECT_EQ(match.stored, 200);
  EXPECT_EQ(match.slot, slot);
  EXPECT_EQ(tier.Find(theirs, Text(0, 150), 149).length, 0);
  EXPECT_EQ(tier.Find(adapter, Text(0, 150), 149).length, 0);
  EXPECT_EQ(tier.Find(mine, Text(5, 150), 149).length, 0);
}

TEST_F(HostTierTest, AnEntryThatIsExtendedIsReplaced) {
  const Slot first = Keep(mine, Text(0, 200));
  EXPECT_EQ(tier.Judge(mine, Text(0, 215)), HostTier::Worth::kHeld);
  Keep(mine, Text(0, 216));
  EXPECT_EQ(ops.front().kind, SeqOp::Kind::kForget);
  EXPECT_EQ(ops.front().slot, first);
  EXPECT_EQ(tier.entries(), 1);
  EXPECT_EQ(tier.bytes(), 2160u);
}

TEST_F(HostTierTest, AConversationWhoseAnswerCameBackOtherwiseIsReplaced) {
  const Slot first = Keep(mine, Text(0, 400) + Text(1000, 30), 0, /*answer=*/30);
  const std::vector<Token> next = Text(0, 400) + Text(2000, 40);
  EXPECT_EQ(tier.Judge(mine, Text(0, 400) + Text(2000, 29)), HostTier::Worth::kTrifle);
  Keep(mine, next, 0, /*answer=*/10);
  EXPECT_EQ(ops.front().kind, SeqOp::Kind::kForget);
  EXPECT_EQ(ops.front().slot, first);
  // A template's end of the prompt, four tokens here, is written otherwise in the next one too.
  Keep(mine, Text(0, 400) + Text(2000, 26) + Text(3000, 30), 0, /*answer=*/2);
  EXPECT_EQ(tier.entries(), 1);
  // Prompts of a few tokens have them in common by chance.
  Keep(mine, Text(5000, 10) + Text(6000, 100), 0, /*answer=*/100);
  Keep(mine, Text(5000, 10) + Text(7000, 200), 0, /*answer=*/200);
  EXPECT_EQ(tier.entries(), 3);
  // Another question behind the same beginning is another conversation.
  EXPECT_EQ(tier.Judge(mine, Text(0, 400) + Text(4000, 40)), HostTier::Worth::kTrifle);
}

TEST_F(HostTierTest, ABeginningThatIsKeptAlreadyIsNotCopiedAgainForLittle) {
  Keep(mine, Text(0, 200) + Text(1000, 100));
  EXPECT_EQ(tier.Judge(mine, Text(0, 63)), HostTier::Worth::kHeld);
  EXPECT_EQ(tier.Judge(mine, Text(0, 200) + Text(2000, 63)), HostTier::Worth::kTrifle);
  EXPECT_EQ(tier.Judge(mine, Text(0, 200) + Text(2000, 64)), HostTier::Worth::kSave);
  EXPECT_EQ(tier.Judge(theirs, Text(0, 63)), HostTier::Worth::kTrifle);
}

TEST_F(HostTierTest, TheLeastRecentlyUsedGoesWhenBytesRunOut) {
  const Slot a = Keep(mine, Text(0, 300), 1);
  const Slot b = Keep(mine, Text(1000, 300), 2);
  tier.Touch(a, MonotonicTime{} + seconds(3));
  Keep(mine, Text(2000, 500), 4);
  ASSERT_EQ(ops.size(), 2u);
  EXPECT_EQ(ops.front().kind, SeqOp::Kind::kForget);
  EXPECT_EQ(ops.front().slot, b);
  EXPECT_LE(tier.bytes(), 10'000u);
}

TEST_F(HostTierTest, AnEntryThatIsHeldIsNeitherReplacedNorForgotten) {
  const Slot a = Keep(mine, Text(0, 600), 1);
  tier.Hold(a);
  ops.clear();
  EXPECT_FALSE(tier.Add(mine, Text(0, 700), 700, 0, MonotonicTime{} + seconds(2), ops));
  EXPECT_TRUE(ops.empty());
  EXPECT_EQ(tier.Find(mine, Text(0, 600), 600).slot, a);
}

TEST_F(HostTierTest, ASaveThatFailedLeavesNothing) {
  ASSERT_TRUE(tier.Add(mine, Text(0, 100), 100, 0, {}, ops));
  tier.Saved(ops.back().slot, 0);
  EXPECT_EQ(tier.entries(), 0);
  EXPECT_EQ(tier.bytes(), 0u);
  EXPECT_EQ(tier.Find(mine, Text(0, 100), 100).length, 0);
}

TEST_F(HostTierTest, WhatIsLargerThanTheWholeTierIsNotTried) {
  Keep(mine, Text(0, 100));
  EXPECT_EQ(tier.Judge(mine, Text(5000, 1000)), HostTier::Worth::kNoRoom);
}

TEST_F(HostTierTest, UntilASizeIsKnownOneCopyIsMadeAtATime) {
  ASSERT_TRUE(tier.Add(mine, Text(0, 100), 100, 0, {}, ops));
  EXPECT_EQ(ops.back().bytes_max, 10'000u);
  EXPECT_EQ(tier.Judge(mine, Text(1000, 100)), HostTier::Worth::kNoRoom);
  tier.Saved(ops.back().slot, 1000);
  EXPECT_EQ(tier.Judge(mine, Text(1000, 100)), HostTier::Worth::kSave);
}

TEST_F(HostTierTest, TheNumberOfEntriesIsBounded) {
  HostTier large(1'000'000'000, 64, 16);
  for (Token i = 0; i < HostTier::kEntriesMax + 50; ++i) {
    ops.clear();
    ASSERT_TRUE(large.Add(mine, Text(i * 1000, 64), 64, 0, MonotonicTime{} + seconds(i), ops));
    large.Saved(ops.back().slot, 640);
  }
  EXPECT_EQ(large.entries(), HostTier::kEntriesMax);
}

}  // namespace
}  // namespace weir::scheduler
