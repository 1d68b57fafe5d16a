#include "backends/provider_place.h"

#include <gtest/gtest.h>

namespace weir::backends {
namespace {

using std::chrono::seconds;

class ProviderPlaceTest : public testing::Test {
 protected:
  ProviderPlaceTest() : place_({.name = "big", .replicas = 2, .concurrency = 2}) {}

  std::optional<uint32_t> Choose(size_t hash, ProviderPlace::Tried tried = {false, false}) const {
    return place_.Choose(hash, tried, clock_.Now());
  }
  void Fail(uint32_t replica, std::string reason, int retry_after_s = 0) {
    const Code code = reason == "first_byte_timeout" ? Code::kDeadlineExceeded : Code::kUnavailable;
    place_.TakeFailure(replica, {code, "x", "", std::move(reason), retry_after_s}, clock_.Now(),
                       clock_.WallNow());
  }

  FakeClock clock_;
  ProviderPlace place_;
};

TEST_F(ProviderPlaceTest, AConversationStaysWhereItIs) {
  EXPECT_EQ(Choose(0), 0u);
  EXPECT_EQ(Choose(1), 1u);
  place_.replicas[1].running = 2;
  EXPECT_EQ(Choose(1), 0u);
}

TEST_F(ProviderPlaceTest, AReplicaThatWasTriedIsTheLastToBeTriedAgain) {
  EXPECT_EQ(Choose(1, {false, true}), 0u);
  EXPECT_EQ(Choose(1, {true, true}), 1u);
  place_.replicas[0].running = 2;
  EXPECT_EQ(Choose(1, {false, true}), 1u) << "the other has no seat";
  EXPECT_FALSE(place_.AnotherIsFree({false, true}, clock_.Now()));
}

TEST_F(ProviderPlaceTest, AReplicaThatHungIsLeftAloneAtOnceWhileAnotherIsWell) {
  Fail(1, "first_byte_timeout");
  EXPECT_EQ(Choose(1), 0u);
  clock_.Advance(Breaker::kOpenFirst);
  EXPECT_EQ(Choose(1), 1u) << "one request tries whether it is back";
  place_.replicas[1].breaker.Begin(clock_.Now());
  EXPECT_EQ(Choose(1), 0u) << "and only one";
}

TEST_F(ProviderPlaceTest, ManyThatHungTogetherAreOneFailure) {
  for (int i = 0; i < 3; ++i) Fail(1, "first_byte_timeout");
  clock_.Advance(Breaker::kOpenFirst);
  EXPECT_EQ(Choose(1), 1u);
}

TEST_F(ProviderPlaceTest, TheLastOneThatIsWellIsAskedAsIfItWereAlone) {
  Fail(1, "connect_failed");
  for (int i = 1; i < Breaker::kFailuresInRow; ++i) {
    Fail(0, "connect_failed");
    EXPECT_EQ(Choose(1), 0u);
  }
  Fail(0, "connect_failed");
  EXPECT_FALSE(place_.MayAsk(clock_.Now()));
}

TEST_F(ProviderPlaceTest, AReplicaThatAsksForAPauseGetsItAlone) {
  Fail(0, "provider_rate_limited", 30);
  EXPECT_EQ(Choose(0), 1u);
  clock_.Advance(seconds(30));
  EXPECT_EQ(Choose(0), 0u);
}

TEST_F(ProviderPlaceTest, AModelIsRetiredWhenAllReplicasSaySo) {
  Fail(0, "model_retired");
  EXPECT_FALSE(place_.retired());
  EXPECT_EQ(Choose(0), 1u);
  clock_.Advance(seconds(1));
  Fail(1, "model_retired");
  EXPECT_EQ(place_.retired(), clock_.WallNow());
  EXPECT_FALSE(place_.MayAsk(clock_.Now()));
  place_.Forgive();
  EXPECT_TRUE(place_.MayAsk(clock_.Now()) && !place_.retired());
}

}  // namespace
}  // namespace weir::backends
