#include "backends/unread_events.h"

#include <gtest/gtest.h>

#include <string>

#include "async/loop.h"
#include "async/spawn.h"

namespace weir::backends {
namespace {

constexpr size_t kLarge = 300'000;

class UnreadEventsTest : public testing::Test {
 protected:
  // Puts `count` deltas of `bytes` each and waits for room after each, as a reader of a provider
  // does.
  void Fill(size_t count, size_t bytes) {
    Spawn(loop_.executor(), "filling",
          [](UnreadEventsTest& test, size_t most, size_t size) -> Task<void> {
            for (size_t i = 0; i < most; ++i) {
              test.events_.Put(chat::Delta{.text = std::string(size, 'a')});
              ++test.put_;
              if (!co_await test.events_.WaitForRoom()) co_return;
            }
          }(*this, count, bytes));
    Settle();
  }
  void Take(size_t count) {
    for (size_t i = 0; i < count; ++i) EXPECT_TRUE(events_.Take());
    Settle();
  }
  void Settle() { loop_.RunFor(Duration::zero()); }

  Loop loop_;
  UnreadEvents events_{loop_.executor()};
  size_t put_ = 0;
};

TEST_F(UnreadEventsTest, WhoPutsWaitsForAClientThatTakesNoEvents) {
  Fill(1000, 1);
  EXPECT_EQ(put_, UnreadEvents::kCountMax);
  Take(UnreadEvents::kCountMax / 2);
  EXPECT_EQ(put_, UnreadEvents::kCountMax) << "not for every event that is taken";
  Take(UnreadEvents::kCountMax / 4);
  EXPECT_EQ(put_, UnreadEvents::kCountMax * 7 / 4);
}

TEST_F(UnreadEventsTest, LargeEventsAreBoundedByTheirBytes) {
  Fill(100, kLarge);
  EXPECT_EQ(put_, UnreadEvents::kBytesMax / kLarge + 1);
  EXPECT_LE(events_.bytes(), UnreadEvents::kBytesMax + kLarge);
  Take(put_);
  EXPECT_GT(put_, UnreadEvents::kBytesMax / kLarge + 1);
}

TEST_F(UnreadEventsTest, OneThatIsLargerThanAllComesThroughAlone) {
  Fill(3, UnreadEvents::kBytesMax * 2);
  EXPECT_EQ(put_, 1u);
  Take(1);
  EXPECT_EQ(put_, 2u);
  Take(1);
  EXPECT_EQ(put_, 3u);
  Take(1);
  EXPECT_FALSE(events_.Take());
  EXPECT_EQ(events_.bytes(), 0u);
}

}  // namespace
}  // namespace weir::backends
