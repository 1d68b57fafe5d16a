#include "engine/step_watch.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::engine {
namespace {

CancelFlag Flag() { return std::make_shared<std::atomic<bool>>(false); }

class StepWatchTest : public ::testing::Test {
 protected:
  std::atomic<bool> aborted_ = false;
  StepWatch watch_{[this] { aborted_ = true; }, [this] { aborted_ = false; }};
  const CancelFlag a_ = Flag();
  const CancelFlag b_ = Flag();

  void Cancel(const CancelFlag& flag) {
    flag->store(true);
    watch_.Cancelled();
  }
};

TEST_F(StepWatchTest, AStepGoesOnForWhoIsLeft) {
  watch_.Begin({a_, b_});
  Cancel(a_);
  EXPECT_FALSE(aborted_);
  Cancel(b_);
  EXPECT_TRUE(aborted_);
  watch_.End();
  EXPECT_FALSE(aborted_) << "the next step is another's";
}

TEST_F(StepWatchTest, AStepForNobodyEndsAtItsBeginning) {
  Cancel(a_);
  EXPECT_FALSE(aborted_);
  watch_.Begin({a_});
  EXPECT_TRUE(aborted_);
}

TEST_F(StepWatchTest, ACancelBetweenStepsAbortsNothing) {
  watch_.Begin({a_});
  watch_.End();
  Cancel(a_);
  EXPECT_FALSE(aborted_);
  watch_.Begin({b_});
  Cancel(a_);
  EXPECT_FALSE(aborted_) << "it is not in this step";
}

TEST_F(StepWatchTest, ACancelFromAnotherThreadEndsTheStepItIsIn) {
  for (int round = 0; round < 200; ++round) {
    const CancelFlag flag = Flag();
    std::thread reader([&] { Cancel(flag); });
    watch_.Begin({flag});
    while (!aborted_) std::this_thread::yield();
    watch_.End();
    reader.join();
    EXPECT_FALSE(aborted_);
  }
}

}  // namespace
}  // namespace weir::engine
