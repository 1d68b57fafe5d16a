#include "backends/eviction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace weir::backends {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Room kRoom{.bytes_max = 100, .engines_max = 8};

LoadedEngine Idle(uint64_t bytes, Duration load, Duration idle) {
  return {.bytes = bytes, .may_go = true, .load = load, .idle = idle};
}

TEST(WhoGivesWay, NobodyWhereThereIsRoom) {
  const std::vector<LoadedEngine> loaded = {Idle(40, seconds(1), seconds(9))};
  EXPECT_THAT(WhoGivesWay(loaded, 60, kRoom).value(), IsEmpty());
  EXPECT_THAT(WhoGivesWay(loaded, 61, kRoom).value(), ElementsAre(0u));
}

TEST(WhoGivesWay, OfEqualLoadTimesTheOneThatWasUsedLongestAgo) {
  const std::vector<LoadedEngine> loaded = {Idle(50, seconds(1), seconds(10)),
                                            Idle(50, seconds(1), seconds(20))};
  EXPECT_THAT(WhoGivesWay(loaded, 10, kRoom).value(), ElementsAre(1u));
}

TEST(WhoGivesWay, OfEqualAgesTheOneThatLoadsFastest) {
  const std::vector<LoadedEngine> loaded = {Idle(50, seconds(8), seconds(20)),
                                            Idle(50, milliseconds(200), seconds(20))};
  EXPECT_THAT(WhoGivesWay(loaded, 10, kRoom).value(), ElementsAre(1u));
}

TEST(WhoGivesWay, ALongAgeOutweighsALongLoad) {
  std::vector<LoadedEngine> loaded = {Idle(50, seconds(10), seconds(100)),
                                      Idle(50, seconds(1), seconds(20))};
  EXPECT_THAT(WhoGivesWay(loaded, 10, kRoom).value(), ElementsAre(1u)) << "0.1 against 0.05";
  loaded[0].idle = seconds(300);
  EXPECT_THAT(WhoGivesWay(loaded, 10, kRoom).value(), ElementsAre(0u)) << "0.033 against 0.05";
}

TEST(WhoGivesWay, ACheapOneThatBuysNothingStays) {
  const std::vector<LoadedEngine> loaded = {Idle(10, milliseconds(100), seconds(90)),
                                            Idle(80, seconds(9), seconds(2))};
  EXPECT_THAT(WhoGivesWay(loaded, 60, kRoom).value(), ElementsAre(1u));
  EXPECT_THAT(WhoGivesWay(loaded, 95, kRoom).value(), ElementsAre(0u, 1u));
}

TEST(WhoGivesWay, NobodyWhereItWouldNotBeEnough) {
  std::vector<LoadedEngine> loaded = {Idle(30, seconds(1), seconds(9)),
                                      Idle(60, seconds(1), seconds(9))};
  loaded[1].may_go = false;
  EXPECT_FALSE(WhoGivesWay(loaded, 50, kRoom).has_value());
  EXPECT_THAT(WhoGivesWay(loaded, 40, kRoom).value(), ElementsAre(0u));
}

TEST(WhoGivesWay, ThePlacesCountToo) {
  const std::vector<LoadedEngine> loaded = {Idle(1, seconds(1), seconds(9)),
                                            Idle(1, seconds(1), seconds(5))};
  EXPECT_THAT(WhoGivesWay(loaded, 1, {.bytes_max = 100, .engines_max = 2}).value(),
              ElementsAre(0u));
  EXPECT_FALSE(WhoGivesWay(loaded, 1, {.bytes_max = 100, .engines_max = 0}).has_value());
}

// Whatever there is: who goes may go, what is left fits, and nobody goes in vain.
TEST(WhoGivesWay, HoldsItsWordForAnyFigures) {
  std::mt19937_64 random(20261122);
  const auto upto = [&](uint64_t most) { return random() % (most + 1); };
  for (int round = 0; round < 20'000; ++round) {
    std::vector<LoadedEngine> loaded(upto(7));
    uint64_t all = 0, fixed = 0;
    size_t stay = 0;
    for (LoadedEngine& engine : loaded) {
      engine = {upto(50), upto(3) > 0, milliseconds(upto(9000)), milliseconds(upto(90'000))};
      all += engine.bytes;
      fixed += engine.may_go ? 0 : engine.bytes;
      stay += engine.may_go ? 0 : 1;
    }
    const uint64_t bytes = upto(60);
    const Room room{.bytes_max = upto(200), .engines_max = 1 + upto(7)};
    const auto gone = WhoGivesWay(loaded, bytes, room);
    const bool possible = fixed + bytes <= room.bytes_max && stay + 1 <= room.engines_max;
    ASSERT_EQ(gone.has_value(), possible) << "round " << round;
    if (!gone) continue;
    uint64_t left = all + bytes;
    for (const size_t i : *gone) {
      ASSERT_TRUE(loaded[i].may_go);
      left -= loaded[i].bytes;
    }
    const size_t engines = loaded.size() - gone->size() + 1;
    ASSERT_LE(left, room.bytes_max);
    ASSERT_LE(engines, room.engines_max);
    for (const size_t i : *gone) {
      ASSERT_TRUE(left + loaded[i].bytes > room.bytes_max || engines + 1 > room.engines_max)
          << "engine " << i << " went for nothing, round " << round;
    }
  }
}

}  // namespace
}  // namespace weir::backends
