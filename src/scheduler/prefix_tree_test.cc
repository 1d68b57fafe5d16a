#include "scheduler/prefix_tree.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::scheduler {
namespace {

using Tokens = std::vector<Token>;
const Domain kHere{.tenant_salt = 1, .group = 0};
const MonotonicTime kNow{std::chrono::seconds(1)};

class Tree : public ::testing::Test {
 protected:
  // A pinned sequence with these tokens, sharing what is there.
  Seq Run(const Tokens& tokens, const Domain& domain = kHere) {
    const auto size = static_cast<int32_t>(tokens.size());
    const PrefixTree::Match match = tree_.Find(domain, tokens, size, false);
    const Seq seq = tree_.Open(domain, match, now_ += std::chrono::seconds(1));
    tree_.Append(seq, std::span(tokens).subspan(static_cast<size_t>(match.length)), false);
    tree_.CheckInvariants();
    return seq;
  }
  void Cache(const Tokens& tokens) {
    const auto size = static_cast<int32_t>(tokens.size());
    tree_.Retire(Run(tokens), size, size, now_);
    tree_.CheckInvariants();
  }
  int32_t Found(const Tokens& tokens, const Domain& domain = kHere) {
    return tree_.Find(domain, tokens, static_cast<int32_t>(tokens.size()), false).length;
  }

  PrefixTree tree_{8, Sharing::kPrefix};
  MonotonicTime now_ = kNow;
};

TEST_F(Tree, FindsTheLongestPrefixWithinTheLimit) {
  Cache({1, 2, 3, 4});
  EXPECT_EQ(Found({1, 2, 3, 4, 5}), 4);
  EXPECT_EQ(Found({1, 2, 9}), 2);
  EXPECT_EQ(Found({9}), 0);
  EXPECT_EQ(tree_.Find(kHere, Tokens{1, 2, 3, 4}, 3, false).length, 3);
  EXPECT_EQ(tree_.Find(kHere, Tokens{1, 2, 3, 4}, 0, false).length, 0);
}

TEST_F(Tree, NothingIsFoundAcrossDomains) {
  Cache({1, 2, 3});
  EXPECT_EQ(Found({1, 2, 3}, {.tenant_salt = 2, .group = 0}), 0);
  EXPECT_EQ(Found({1, 2, 3}, {.tenant_salt = 1, .group = 1}), 0);
  // Salts that differ only where the hash folds the group in.
  EXPECT_EQ(Found({1, 2, 3}, {.tenant_salt = 1 ^ (uint64_t{1} << 32), .group = 1}), 0);
}

TEST_F(Tree, ASharedPrefixIsCountedOnce) {
  const Seq a = Run({1, 2, 3, 4});
  const Seq b = Run({1, 2, 7, 8, 9});
  EXPECT_EQ(tree_.cells_used(), 7);
  EXPECT_EQ(tree_.cells_pinned(), 7);
  tree_.Drop(a);
  EXPECT_EQ(tree_.cells_used(), 5);
  tree_.Drop(b);
  EXPECT_EQ(tree_.cells_used(), 0);
  tree_.CheckInvariants();
}

TEST_F(Tree, SharingIsOneCopyOfTheCommonRange) {
  const Seq a = Run({1, 2, 3, 4});
  tree_.TakeOps();
  const Seq b = Run({1, 2, 7});
  EXPECT_EQ(tree_.TakeOps(), (std::vector<SeqOp>{{SeqOp::Kind::kCopy, b, a, 0, 2}}));
}

TEST_F(Tree, AnIdleSequenceThatIsContinuedIsTakenOver) {
  Cache({1, 2, 3});
  tree_.TakeOps();
  const Seq seq = Run({1, 2, 3, 4});
  EXPECT_TRUE(tree_.TakeOps().empty());
  EXPECT_EQ(tree_.seqs_used(), 1);
  EXPECT_EQ(tree_.length(seq), 4);
}

TEST_F(Tree, AnIdleSequenceThatAddsNothingCostsNoId) {
  const Seq running = Run({1, 2, 3, 4});
  Cache({1, 2});
  Cache({1, 2, 3, 4});
  EXPECT_EQ(tree_.seqs_used(), 1);
  tree_.Retire(running, 4, 4, now_);
  EXPECT_EQ(tree_.seqs_idle(), 1);
}

TEST_F(Tree, TwinsThatWereComputedApartLeaveOneCopy) {
  const Seq a = tree_.Open(kHere, {}, now_);
  const Seq b = tree_.Open(kHere, {}, now_);
  tree_.Append(a, Tokens{1, 2, 3}, false);
  tree_.Append(b, Tokens{1, 2, 3}, false);
  EXPECT_EQ(tree_.cells_used(), 6);
  tree_.Retire(a, 3, 3, now_);
  tree_.Retire(b, 3, 3, now_);
  EXPECT_LE(tree_.cells_used(), 3);
  tree_.CheckInvariants();
}

TEST_F(Tree, CanonicalCellsAreFoundApartFromOthers) {
  const Seq seq = tree_.Open(kHere, {}, now_);
  tree_.Append(seq, Tokens{1, 2, 3, 4}, true);
  tree_.Append(seq, Tokens{5, 6}, false);
  const Tokens tokens{1, 2, 3, 4, 5, 6};
  EXPECT_EQ(tree_.Find(kHere, tokens, 6, true).length, 4);
  EXPECT_EQ(tree_.Find(kHere, tokens, 6, false).length, 6);
}

TEST_F(Tree, EvictionTakesTheLeastRecentlyUsedTailFirst) {
  Cache(Tokens(100, 1));
  Cache(Tokens(100, 2));
  EXPECT_EQ(tree_.Evict(30), 64);  // a scan of the cache is worth at least so many
  EXPECT_EQ(Found(Tokens(100, 1)), 36);
  EXPECT_EQ(Found(Tokens(100, 2)), 100);
  EXPECT_EQ(tree_.Evict(1000), 136);
  EXPECT_EQ(tree_.seqs_used(), 0);
  tree_.CheckInvariants();
}

TEST_F(Tree, SplitsAreUndoneWhenTheirSharersLeave) {
  Cache(Tokens(100, 1));
  for (size_t length = 1; length < 100; ++length) {
    Tokens tokens(length, 1);
    tokens.push_back(2);
    tree_.Drop(Run(tokens));
    tree_.CheckInvariants();  // holds the number of nodes against that of sequences
  }
  EXPECT_EQ(Found(Tokens(100, 1)), 100);
}

TEST_F(Tree, PinnedCellsAreNeverEvicted) {
  Run({1, 2, 3});
  Cache({1, 2, 8, 9});
  EXPECT_EQ(tree_.Evict(100), 2);
  EXPECT_EQ(tree_.cells_used(), 3);
}

TEST_F(Tree, AWholeOnlyMemoryFindsWholeSequencesOnly) {
  PrefixTree tree(4, Sharing::kWhole);
  const Seq seq = tree.Open(kHere, {}, now_);
  tree.Append(seq, Tokens{1, 2, 3}, false);
  EXPECT_EQ(tree.Find(kHere, Tokens{1, 2, 9}, 3, false).length, 0);
  const PrefixTree::Match match = tree.Find(kHere, Tokens{1, 2, 3, 4}, 3, false);
  EXPECT_EQ(match.length, 3);
  const Seq copy = tree.Open(kHere, match, now_);
  EXPECT_EQ(tree.TakeOps(), (std::vector<SeqOp>{{SeqOp::Kind::kCopy, copy, seq, 0, -1}}));
  tree.CheckInvariants();
}

// The tree keeps its books and its size through anything.
TEST_F(Tree, RandomEditsKeepTheBooks) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
    PrefixTree tree(6, seed % 4 == 0 ? Sharing::kWhole : Sharing::kPrefix);
    std::vector<Seq> running;
    for (int i = 0; i < 400; ++i) {
      now_ += std::chrono::milliseconds(pick(100));
      const size_t at =
          running.empty() ? 0 : static_cast<size_t>(pick(static_cast<int>(running.size())));
      switch (running.empty() ? 0 : pick(6)) {
        case 0: {
          Tokens tokens(static_cast<size_t>(1 + pick(12)));
          for (Token& token : tokens) token = pick(2);
          if (!tree.has_free_seq() && !tree.EvictSequence(kNoSeq)) break;
          const Domain domain{.tenant_salt = static_cast<uint64_t>(pick(2)), .group = 0};
          const auto size = static_cast<int32_t>(tokens.size());
          running.push_back(tree.Open(domain, tree.Find(domain, tokens, size, false), now_));
          break;
        }
        case 1:
        case 2:
          tree.Append(running[at], Tokens(static_cast<size_t>(pick(5)), pick(2)), false);
          break;
        case 3:
          tree.Retire(running[at], pick(2) == 0 ? tree.length(running[at]) : pick(4), pick(4),
                      now_);
          running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 4:
          tree.Evict(pick(10));
          break;
        default:
          if (seed % 4 != 0) tree.Trim(running[at], tree.length(running[at]) / 2);
          break;
      }
      tree.CheckInvariants();
    }
  }
}

}  // namespace
}  // namespace weir::scheduler
