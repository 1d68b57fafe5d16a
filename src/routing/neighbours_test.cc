#include "routing/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "routing/refit.h"

namespace weir::routing {
namespace {

constexpr size_t kLength = 64;
constexpr uint64_t kSpace = 7;

std::vector<float> RandomUnit(std::mt19937& random) {
  std::vector<float> vector(kLength);
  double sum = 0;
  for (float& value : vector) {
    value = static_cast<float>(static_cast<int64_t>(random()) - (int64_t{1} << 31));
    sum += double{value} * value;
  }
  for (float& value : vector) value /= static_cast<float>(std::sqrt(sum));
  return vector;
}

// `count` questions about one thing, of which the first `right` were answered right.
std::vector<Neighbour> Alike(std::mt19937& random, int count, int right, std::string prefix) {
  const RoundedVector vector = Rounded(RandomUnit(random));
  std::vector<Neighbour> all;
  for (int i = 0; i < count; ++i) {
    all.push_back({.id = prefix + std::to_string(i),
                   .place = {kSpace, vector},
                   .predicted = 5'000,
                   .right = i < right});
  }
  return all;
}

TEST(NeighboursTest, SimilarityIsTheCosineAndAVectorIsNearestToItself) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    const auto a = RandomUnit(random);
    const auto b = RandomUnit(random);
    double cosine = 0;
    for (size_t i = 0; i < kLength; ++i) cosine += double{a[i]} * b[i];
    const auto ra = Rounded(a);
    const auto rb = Rounded(b);
    EXPECT_NEAR(Similarity(ra, rb), cosine * 10'000, 300) << seed;
    EXPECT_EQ(Similarity(ra, rb), Similarity(rb, ra)) << seed;
    EXPECT_NEAR(Similarity(ra, ra), 10'000, 300) << seed;
  }
  EXPECT_EQ(Similarity({127}, {127, 0}), 0);
  EXPECT_EQ(Rounded(std::vector<float>{std::nanf(""), 9, -9}), (RoundedVector{0, 127, -127}));
}

TEST(NeighboursTest, TheOrderInWhichTheyAreGivenDoesNotMatter) {
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    auto all = Alike(random, 30, 11, "a");
    std::ranges::move(Alike(random, 9, 4, "b"), std::back_inserter(all));
    const PromptPlace place = all.front().place;
    const NeighbourVote vote = Neighbours(all).Vote(place);
    EXPECT_EQ(vote.near, static_cast<int32_t>(Neighbours::kVotersMax));
    for (int i = 0; i < 5; ++i) {
      std::ranges::shuffle(all, random);
      EXPECT_EQ(Neighbours(all).Vote(place), vote) << seed;
    }
  }
}

TEST(NeighboursTest, AbstainsWhereNothingIsNearAndAcrossSpaces) {
  std::mt19937 random(1);
  const auto all = Alike(random, 20, 20, "a");
  const Neighbours neighbours(all);
  const NeighbourVote far = neighbours.Vote({kSpace, Rounded(RandomUnit(random))});
  EXPECT_TRUE(far.abstains());
  EXPECT_EQ(far.near, 0);
  const NeighbourVote other = neighbours.Vote({kSpace + 1, all.front().place.vector});
  EXPECT_EQ(other, NeighbourVote());
  const Prediction predicted{.small_right = 4'000, .gain = 2'000};
  EXPECT_EQ(far.Apply(predicted), predicted);
  EXPECT_NE(SpaceOf("a", "b"), SpaceOf("ab", ""));
  const auto few = Alike(random, NeighbourVote::kVotersMin - 1, 0, "c");
  EXPECT_TRUE(Neighbours(few).Vote(few.front().place).abstains());
}

TEST(NeighboursTest, MoreRightNeighboursNeverLowerTheChanceOrRaiseTheGain) {
  for (int32_t small = 0; small <= 10'000; small += 500) {
    for (int32_t near = 0; near <= 16; ++near) {
      Prediction last = NeighbourVote{near, 0, 9'000}.Apply({small, 3'000});
      for (int32_t right = 0; right <= near; ++right) {
        const Prediction now = NeighbourVote{near, right, 9'000}.Apply({small, 3'000});
        EXPECT_GE(now.small_right, last.small_right);
        EXPECT_LE(now.gain, last.gain);
        EXPECT_GE(now.small_right, 0);
        EXPECT_LE(now.small_right, 10'000);
        last = now;
      }
    }
  }
}

TEST(NeighboursTest, TheyVoteOnlyWhereThatWasBetterThanThePrediction) {
  std::mt19937 random(3);
  std::vector<Neighbour> telling;
  std::vector<Neighbour> noise;
  for (int topic = 0; topic < 10; ++topic) {
    const std::string name = "t" + std::to_string(topic) + "-";
    std::ranges::move(Alike(random, 12, topic % 2 == 0 ? 12 : 0, name),
                      std::back_inserter(telling));
    std::ranges::move(Alike(random, 12, 6, name), std::back_inserter(noise));
  }
  const auto good = Neighbours(telling).Judge(Refit());
  EXPECT_TRUE(good.adopted) << good.why;
  EXPECT_EQ(good.judged, 120u);
  const auto bad = Neighbours(noise).Judge(Refit());
  EXPECT_FALSE(bad.adopted) << bad.why;
  telling.resize(30);
  EXPECT_FALSE(Neighbours(telling).Judge(Refit()).adopted) << "too few are known";
}

TEST(NeighboursTest, OnlySoManyAreKept) {
  std::mt19937 random(4);
  EXPECT_EQ(Neighbours(Alike(random, Neighbours::kMax + 10, 0, "x")).size(), Neighbours::kMax);
}

}  // namespace
}  // namespace weir::routing
