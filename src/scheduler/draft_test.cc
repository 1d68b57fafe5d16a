// Rows on a guess: made where they pay, and without a trace where they were wrong.
#include <gtest/gtest.h>

#include "scheduler/test_engine.h"

namespace weir::scheduler::testing {
namespace {

constexpr int32_t kDraftMax = 15;

Options Drafting() {
  Options options = SmallMachine();
  options.draft_max = kDraftMax;
  return options;
}

RequestId SubmitWithScript(TestEngine& engine, Submission submission, std::vector<Token> script) {
  const RequestId id = engine.Submit(std::move(submission));
  engine.of(id).script = std::move(script);
  return id;
}

// An answer that says its prompt once more.
RequestId SubmitEdit(TestEngine& engine, int32_t tokens, int32_t max_new_tokens) {
  return SubmitWithScript(engine, {.prompt = Text(0, tokens), .max_new_tokens = max_new_tokens},
                          Text(0, tokens));
}

TEST(Draft, ACopyTakesAFewSteps) {
  TestEngine engine(Drafting());
  const RequestId id = SubmitEdit(engine, 200, 200);
  const int steps = engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).answers[0], Text(0, 200));
  EXPECT_LT(steps, 40);
  const Stats stats = engine.scheduler.stats();
  EXPECT_GT(stats.draft_tokens_accepted, 160u);
  EXPECT_EQ(stats.decode_tokens, 199u) << "of the answer, all but the last are in the cache";
}

TEST(Draft, APredictionIsGuessedFromTheFirstToken) {
  TestEngine engine(Drafting());
  SubmitEdit(engine, 100, 100);  // what steps cost is known after this
  engine.RunUntilIdle();
  const uint64_t before = engine.scheduler.stats().draft_tokens_accepted;
  const std::vector<Token> predicted = Text(5000, 200);
  const RequestId id = SubmitWithScript(
      engine, {.prompt = Text(900, 50), .prediction = predicted, .max_new_tokens = 200}, predicted);
  const int steps = engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).answers[0], predicted);
  EXPECT_LT(steps, 30);
  EXPECT_GT(engine.scheduler.stats().draft_tokens_accepted - before, 170u);
}

TEST(Draft, APredictionThatDoesNotComeCostsLittleAndChangesNothing) {
  TestEngine engine(Drafting());
  SubmitEdit(engine, 100, 100);
  engine.RunUntilIdle();
  const uint64_t before = engine.scheduler.stats().draft_tokens;
  const RequestId id = SubmitWithScript(
      engine, {.prompt = Text(900, 50), .prediction = Text(5000, 200), .max_new_tokens = 200},
      Text(7000, 200));
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).answers[0], Text(7000, 200));
  EXPECT_LT(engine.scheduler.stats().draft_tokens - before, 20u);
}

TEST(Draft, IsOffUnlessAsked) {
  TestEngine engine(SmallMachine());
  SubmitEdit(engine, 100, 100);
  EXPECT_GE(engine.RunUntilIdle(), 100);
  EXPECT_EQ(engine.scheduler.stats().draft_tokens, 0u);
}

TEST(Draft, NothingIsGuessedWhereNothingWasSaidBefore) {
  TestEngine engine(Drafting());
  engine.Submit(Text(0, 100), 100);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.scheduler.stats().draft_tokens, 0u);
}

TEST(Draft, StopsWhereItIsWrongAndBeginsAgainWhereItWouldBeRight) {
  TestEngine engine(Drafting());
  std::vector<Token> script;
  // Three tokens of the prompt, then another than followed there.
  for (Token from = 0; from < 400; from += 4) {
    script = script + std::vector<Token>{from, from + 1, from + 2, 5000 + from};
  }
  script = script + Text(0, 400);
  const RequestId id =
      SubmitWithScript(engine, {.prompt = Text(0, 400), .max_new_tokens = 800}, script);
  engine.StepUntil([&] { return engine.answered(id) >= 400; });
  const Stats wrong = engine.scheduler.stats();
  EXPECT_LT(wrong.draft_tokens, 60u);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).answers[0], script);
  EXPECT_GT(engine.scheduler.stats().draft_tokens_accepted, 300u);
}

TEST(Draft, IsNotMadeWhereARowCostsAsMuchAsAStep) {
  TestEngine engine(Drafting());
  engine.decode_cost = Duration(0);
  engine.decode_row_cost = std::chrono::milliseconds(6);
  engine.prompt_row_cost = std::chrono::milliseconds(6);
  SubmitEdit(engine, 100, 100);
  engine.RunUntilIdle();
  SubmitEdit(engine, 100, 100);
  engine.RunUntilIdle();
  EXPECT_LE(engine.scheduler.stats().draft_tokens, uint64_t{kDraftMax * (kDraftMax + 1) / 2})
      << "each length is tried once";
}

TEST(Draft, NeverGoesBeyondTheAnswerOrTheRoom) {
  for (const int32_t most : {1, 2, 3, 7, 20}) {
    TestEngine engine(Drafting());
    const RequestId id = SubmitEdit(engine, 60, most);
    engine.RunUntilIdle();
    EXPECT_EQ(engine.answered(id), most);
    EXPECT_EQ(engine.of(id).ended, EndReason::kLength);
  }
  Options small = Drafting();
  small.cells = 100;
  TestEngine engine(small);
  const RequestId id = SubmitEdit(engine, 60, 200);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).ended, EndReason::kOutOfRoom);
  EXPECT_EQ(engine.answered(id), 41) << "one more than there are cells for";
}

// What was guessed wrongly is neither in the cache nor counted.
TEST(Draft, TheNextTurnFindsTheAnswerAsItWasSampled) {
  TestEngine engine(Drafting());
  std::vector<Token> answer = Text(0, 30) + Text(700, 10) + Text(10, 40);
  const RequestId first =
      SubmitWithScript(engine, {.prompt = Text(0, 100), .max_new_tokens = 80}, answer);
  engine.RunUntilIdle();
  const Stats stats = engine.scheduler.stats();
  EXPECT_GT(stats.draft_tokens, stats.draft_tokens_accepted) << "one went wrong";
  EXPECT_EQ(stats.cells_used, 100 + 79);
  EXPECT_EQ(engine.memory.used(), 100 + 79);
  const RequestId next =
      engine.Submit(Text(0, 100) + engine.of(first).answers[0] + Text(900, 5), 1);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(next).cached, 100 + 79);
}

TEST(Draft, IsNothingForRequestsThatMustBeReproducible) {
  TestEngine engine(Drafting());
  SubmitWithScript(engine, {.prompt = Text(0, 100), .max_new_tokens = 100, .deterministic = true},
                   Text(0, 100));
  engine.RunUntilIdle();
  EXPECT_EQ(engine.scheduler.stats().draft_tokens, 0u);
}

TEST(Draft, IsNothingForAMemoryThatCannotForget) {
  Options options = Drafting();
  options.sharing = Sharing::kWhole;
  TestEngine engine(options);
  SubmitEdit(engine, 100, 100);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.scheduler.stats().draft_tokens, 0u);
}

TEST(Draft, WaitsWhileAPromptIsProcessed) {
  TestEngine engine(Drafting());
  const RequestId id = SubmitEdit(engine, 400, 400);
  engine.StepUntil([&] { return engine.scheduler.stats().draft_tokens > 0; });
  const RequestId other = engine.Submit(Text(10'000, 2000), 1);
  engine.Step();
  while (!engine.of(other).ended) {
    for (const Row& row : engine.Step()) {
      EXPECT_FALSE(row.draft && engine.answered(other) == 0) << "beside a prompt";
    }
  }
  engine.RunUntilIdle();
  EXPECT_EQ(engine.answered(id), 400);
}

// Streams that cannot be guessed at wait for others' guesses as for their prompts: by the target of
// a step.
TEST(Draft, KeepsStepsThatOthersShareBelowTheTarget) {
  Options options = Drafting();
  options.target_step = std::chrono::milliseconds(12);
  TestEngine engine(options);
  const RequestId plain = engine.Submit(Text(50'000, 10), 300);
  engine.StepUntil([&] { return engine.answered(plain) > 2; });
  engine.of(plain).gap_max = Duration(0);
  const RequestId id = SubmitEdit(engine, 30, 30);
  engine.StepUntil([&] { return engine.answered(id) > 1; });
  engine.of(plain).gap_max = Duration(0);
  engine.RunUntilIdle();
  EXPECT_GT(engine.scheduler.stats().draft_tokens_accepted, 0u);
  EXPECT_LE(engine.of(plain).gap_max, std::chrono::milliseconds(12));
}

TEST(Draft, EachOfSeveralCopiesIsDrafted) {
  TestEngine engine(Drafting());
  std::vector<RequestId> ids;
  for (int i = 0; i < 4; ++i) {
    const std::vector<Token> text = Text(1000 * i, 150);
    ids.push_back(SubmitWithScript(engine, {.prompt = text, .max_new_tokens = 150}, text));
  }
  EXPECT_LT(engine.RunUntilIdle(), 80);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(engine.of(ids[static_cast<size_t>(i)]).answers[0], Text(1000 * i, 150));
  }
}

TEST(Draft, ForksGuessFromTheirOwnText) {
  TestEngine engine(Drafting());
  const RequestId id = SubmitWithScript(
      engine, {.prompt = Text(0, 120), .max_new_tokens = 100, .forks = 3}, Text(0, 100));
  EXPECT_LT(engine.RunUntilIdle(), 60);
  for (size_t branch = 0; branch < 3; ++branch) {
    EXPECT_EQ(engine.of(id).answers[branch], Text(0, 100));
  }
}

}  // namespace
}  // namespace weir::scheduler::testing
