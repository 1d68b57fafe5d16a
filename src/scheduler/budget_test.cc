#include "scheduler/budget.h"

#include <gtest/gtest.h>

#include "scheduler/fair_share.h"

namespace weir::scheduler {
namespace {

using std::chrono::milliseconds;

Options Targets() {
  Options options;
  options.target_step = milliseconds(50);
  options.target_step_alone = milliseconds(500);
  return options;
}

// A machine: 6 ms and 1 ms for each stream, and so much for each prompt token.
Duration Cost(int32_t decode_rows, int32_t prompt_tokens, double prompt_ms) {
  const double ms = (decode_rows > 0 ? 6.0 + decode_rows : 0) + prompt_tokens * prompt_ms;
  return Duration(static_cast<int64_t>(ms * 1e6));
}

TEST(StepBudget, PlansTheLeastBesideStreamsBeforeItHasMeasured) {
  const StepBudget budget(Targets());
  EXPECT_EQ(budget.PromptTokens(1), Options().chunk_min);
  EXPECT_EQ(budget.PromptTokens(0), Options().chunk_max);
}

TEST(StepBudget, FindsTheChunkThatMeetsTheTarget) {
  StepBudget budget(Targets());
  for (int i = 0; i < 20; ++i) budget.Measured(4, 0, Cost(4, 0, 3.5));
  for (int i = 0; i < 20; ++i) {
    const int32_t chunk = budget.PromptTokens(4);
    budget.Measured(4, chunk, Cost(4, chunk, 3.5));
  }
  EXPECT_NEAR(Milliseconds(Cost(4, budget.PromptTokens(4), 3.5)), 50, 4);
}

TEST(StepBudget, FollowsAPromptThatGrowsDearer) {
  StepBudget budget(Targets());
  budget.Measured(1, 0, Cost(1, 0, 3.5));
  for (int i = 0; i < 100; ++i) {
    const double prompt_ms = 3.5 + 0.1 * i;
    const int32_t chunk = budget.PromptTokens(1);
    const Duration cost = Cost(1, chunk, prompt_ms);
    if (chunk > Options().chunk_min && i > 20) EXPECT_LT(cost, milliseconds(70));
    budget.Measured(1, chunk, cost);
  }
}

TEST(StepBudget, ACrowdOfStreamsLeavesPromptsTheirShare) {
  Options options = Targets();
  options.prompt_share_min = 0.5;
  StepBudget budget(options);
  budget.Measured(64, 0, Cost(64, 0, 3.5));  // 70 ms
  budget.Measured(64, 10, Cost(64, 10, 3.5));
  EXPECT_EQ(budget.PromptTokens(64), 16);  // 20 fit; 64 + 16 rows are whole tiles
}

TEST(StepBudget, AStepsRowsAreWholeTiles) {
  StepBudget budget(Targets());
  budget.Measured(0, 256, Cost(0, 256, 2.7));
  EXPECT_EQ(budget.PromptTokens(0), 192);  // 185 fit
  budget.Measured(1, 0, Cost(1, 0, 1.5));
  budget.Measured(1, 10, Cost(1, 10, 1.5));
  EXPECT_EQ(budget.PromptTokens(1), 31);  // 28 fit
}

TEST(StepBudget, AChunkStaysWithinItsBounds) {
  Options options = Targets();
  options.chunk_max = 40;
  StepBudget budget(options);
  EXPECT_EQ(budget.PromptTokens(0), 40);
  budget.Measured(0, 40, Cost(0, 40, 0.1));
  EXPECT_EQ(budget.PromptTokens(0), 40);
  budget.Measured(0, 40, std::chrono::minutes(10));
  EXPECT_EQ(budget.PromptTokens(0), 40);  // one outlier
  for (int i = 0; i < 40; ++i) budget.Measured(0, 40, std::chrono::minutes(10));
  EXPECT_EQ(budget.PromptTokens(0), options.chunk_min);
}

TEST(StepBudget, OneSlowStepChangesLittle) {
  StepBudget budget(Targets());
  for (int i = 0; i < 20; ++i) budget.Measured(0, 128, Cost(0, 128, 3));
  budget.Measured(0, 128, std::chrono::seconds(60));
  EXPECT_LT(budget.prompt_token_ns(), 3e6 * 2);
}

constexpr size_t kRemembered = 1024;

TEST(Shares, WhoComesLaterStartsWhereTheOthersAre) {
  Shares share(kRemembered);
  share.Enter(1).served += milliseconds(500);
  EXPECT_EQ(share.Enter(2).served, milliseconds(500));
}

TEST(Shares, LeavingDoesNotPayDebts) {
  Shares share(kRemembered);
  share.Enter(1);
  share.Enter(2).served += milliseconds(900);
  share.Leave(2);
  EXPECT_EQ(share.Enter(2).served, milliseconds(900));
}

TEST(Shares, IsBoundedAndForgetsWhenIdle) {
  Shares share(kRemembered);
  share.Enter(0);
  for (uint64_t id = 1; id < 3000; ++id) {
    share.Enter(id).served += milliseconds(static_cast<int64_t>(id));
    share.Leave(id);
  }
  EXPECT_LE(share.remembered(), kRemembered + 1);
  share.Leave(0);
  EXPECT_EQ(share.remembered(), 0u);
}

}  // namespace
}  // namespace weir::scheduler
