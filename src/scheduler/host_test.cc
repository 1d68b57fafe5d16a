// The host tier at work: what is computed, what is copied, what stays in the cache.
#include <gtest/gtest.h>

#include <algorithm>

#include "scheduler/test_engine.h"

namespace weir::scheduler::testing {
namespace {

Options WithHost() {
  Options options = SmallMachine();
  options.cells = 16'384;
  options.host_bytes_max = 1'000'000;  // 100,000 tokens of the fake memory
  return options;
}

int64_t Count(const std::vector<SeqOp>& ops, SeqOp::Kind kind) {
  return std::ranges::count(ops, kind, &SeqOp::kind);
}

TEST(Host, OneConversationThatGoesOnIsNeverCopied) {
  TestEngine engine(WithHost());
  std::vector<Token> talk = Text(0, 8000);
  for (int turn = 0; turn < 5; ++turn) {
    const RequestId id = engine.Submit(talk, 50);
    engine.RunUntilIdle();
    if (turn > 0) EXPECT_EQ(engine.of(id).prompt_rows, 41);
    talk = talk + engine.of(id).answers[0] + Text(200'000 + 1000 * turn, 40);
  }
  EXPECT_EQ(engine.scheduler.stats().host_saves, 0u);
}

TEST(Host, TwoConversationsTakingTurnsComputeOnlyWhatIsNewAndAreAloneInTheCache) {
  TestEngine engine(WithHost());
  std::vector<Token> talk[2] = {Text(0, 4000), Text(100'000, 4000)};
  int32_t cells_at_rest = 0;
  for (int turn = 0; turn < 4; ++turn) {
    for (int who = 0; who < 2; ++who) {
      const RequestId id = engine.Submit(talk[who], 50);
      engine.RunUntilIdle();
      if (turn > 0) {
        EXPECT_EQ(engine.of(id).prompt_rows, 41);
        EXPECT_EQ(engine.of(id).cached, static_cast<int32_t>(talk[who].size()) - 41);
      }
      cells_at_rest = engine.memory.used();
      talk[who] = talk[who] + engine.of(id).answers[0] + Text(200'000 + 1000 * turn, 40);
    }
  }
  EXPECT_LE(cells_at_rest, 4000 + 4 * 90);
  EXPECT_EQ(engine.scheduler.stats().host_entries, 2);  // each turn replaced the one before
  EXPECT_GE(engine.scheduler.stats().hits_host, 5u);
}

TEST(Host, ConversationsWhoseAnswersComeBackOtherwiseComputeOnlyWhatIsNewToo) {
  TestEngine engine(WithHost());
  std::vector<Token> talk[2] = {Text(0, 4000), Text(100'000, 4000)};
  for (int turn = 0; turn < 6; ++turn) {
    for (int who = 0; who < 2; ++who) {
      const RequestId id = engine.Submit(talk[who], 8);
      engine.RunUntilIdle();
      if (turn > 0) EXPECT_EQ(engine.of(id).prompt_rows, 45);
      // What the client makes of the answer, and its next question.
      talk[who] = talk[who] + Text(200'000 + 1000 * turn, 5) + Text(300'000 + 1000 * turn, 40);
    }
  }
  EXPECT_EQ(engine.scheduler.stats().host_entries, 2);
}

TEST(Host, EightClientsOfOneSystemPromptShareItsCellsAndCopyNothing) {
  TestEngine engine(WithHost());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 8; ++i) {
      engine.Submit({.prompt = Text(0, 1140) + Text(10'000 * (8 * round + i + 1), 45),
                     .max_new_tokens = 32,
                     .client = static_cast<uint64_t>(i)});
    }
    engine.RunUntilIdle();
  }
  EXPECT_EQ(engine.scheduler.stats().prefill_tokens, 1140u + 24 * 45);
  EXPECT_LE(engine.scheduler.stats().host_saves, 1u);  // of the system prompt at most
  EXPECT_LE(engine.memory.used(), 1140 + 1024 + 8 * 77);
}

TEST(Host, OneOffPromptsDoNotFillTheCache) {
  TestEngine engine(WithHost());
  std::vector<RequestId> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(engine.Submit(Text(10'000 * i, 700), 30));
    engine.RunUntilIdle();
    EXPECT_LE(engine.memory.used(), 1024 + 2 * 730);
  }
  // None of them is lost.
  for (int i = 0; i < 20; ++i) {
    const RequestId again = engine.Submit(Text(10'000 * i, 700), 1);
    engine.RunUntilIdle();
    EXPECT_EQ(engine.of(again).prompt_rows, 1);
  }
}

TEST(Host, ACopyThatFailsCostsOnlyItsComputation) {
  TestEngine engine(WithHost());
  const auto talk_of = [](int who) { return Text(100'000 * who, 4000); };
  for (int who = 0; who < 3; ++who) {
    engine.Submit(talk_of(who), 5);
    engine.RunUntilIdle();
  }
  ASSERT_GE(engine.scheduler.stats().host_entries, 1);
  const int32_t entries = engine.scheduler.stats().host_entries;
  engine.memory.failing = true;
  const RequestId id = engine.Submit(talk_of(0), 5);
  engine.StepUntil([&] { return engine.answered(id) == 5; });
  EXPECT_EQ(engine.of(id).cached, 0);
  EXPECT_EQ(engine.of(id).prompt_rows, 4000);
  EXPECT_GE(engine.scheduler.stats().host_failures, 1u);
  EXPECT_LT(engine.scheduler.stats().host_entries, entries + 1);
  engine.memory.failing = false;
  engine.RunUntilIdle();
  EXPECT_EQ(engine.memory.copies(), static_cast<size_t>(engine.scheduler.stats().host_entries));
}

TEST(Host, NoTenantAndNoGroupGetsAnothersCopy) {
  TestEngine engine(WithHost());
  for (Token from : {0, 100'000, 200'000}) {
    engine.Submit({.prompt = Text(from, 3000), .max_new_tokens = 2, .tenant_salt = 1});
    engine.RunUntilIdle();
  }
  ASSERT_GE(engine.scheduler.stats().host_entries, 1);
  const RequestId other =
      engine.Submit({.prompt = Text(0, 3000), .max_new_tokens = 2, .tenant_salt = 2});
  engine.RunUntilIdle();
  const RequestId group =
      engine.Submit({.prompt = Text(0, 3000), .max_new_tokens = 2, .tenant_salt = 1, .group = 1});
  engine.RunUntilIdle();
  const RequestId mine =
      engine.Submit({.prompt = Text(0, 3000), .max_new_tokens = 2, .tenant_salt = 1});
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(other).cached, 0);
  EXPECT_EQ(engine.of(group).cached, 0);
  EXPECT_EQ(engine.of(mine).cached, 2999);
}

TEST(Host, ADeterministicRequestTakesNoCopyAndOthersKeepTheirs) {
  TestEngine engine(WithHost());
  for (Token from : {0, 100'000, 200'000}) {
    engine.Submit(Text(from, 3000), 2);
    engine.RunUntilIdle();
  }
  const RequestId seeded =
      engine.Submit({.prompt = Text(0, 3000), .max_new_tokens = 2, .deterministic = true});
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(seeded).prompt_rows, 3000);
  for (Token from : {100'000, 200'000}) {
    const RequestId again = engine.Submit(Text(from, 3000), 2);
    engine.RunUntilIdle();
    EXPECT_EQ(engine.of(again).cached, 2999);
  }
}

TEST(Host, WhoWaitsForARestoredPrefixSharesItsCells) {
  TestEngine engine(WithHost());
  for (Token from : {0, 100'000, 200'000}) {
    engine.Submit(Text(from, 3000), 2);
    engine.RunUntilIdle();
  }
  const uint64_t computed = engine.scheduler.stats().prefill_tokens;
  std::vector<RequestId> ids;
  for (int i = 0; i < 4; ++i)
    ids.push_back(engine.Submit(Text(0, 3000) + Text(500'000 + 100 * i, 10), 5));
  engine.Step();
  EXPECT_EQ(Count(engine.ops, SeqOp::Kind::kRestore), 1);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.scheduler.stats().prefill_tokens - computed, 4u * 10);
  for (const RequestId id : ids) EXPECT_EQ(engine.of(id).cached, 3000);
}

TEST(Host, WhoIsRequeuedForWantOfRoomComesBackByACopy) {
  Options options = WithHost();
  options.cells = 2000;
  TestEngine engine(options);
  const RequestId batch =
      engine.Submit({.prompt = Text(0, 1500), .max_new_tokens = 100, .priority = Priority::kBatch});
  engine.StepUntil([&] { return engine.answered(batch) >= 10; });
  const RequestId urgent = engine.Submit(Text(100'000, 1500), 10);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(batch).requeued, 1);
  EXPECT_EQ(engine.answered(batch), 100);
  EXPECT_EQ(engine.answered(urgent), 10);
  EXPECT_LE(engine.of(batch).prompt_rows, 1501);
}

TEST(Host, AModelThatSharesNothingHasNoHostTier) {
  Options options = WithHost();
  options.sharing = Sharing::kWhole;
  options.idle_cells_max = 0;
  TestEngine engine(options);
  for (Token from : {0, 100'000, 200'000}) {
    engine.Submit(Text(from, 3000), 2);
    engine.RunUntilIdle();
  }
  EXPECT_EQ(engine.scheduler.stats().host_saves, 0u);
}

}  // namespace
}  // namespace weir::scheduler::testing
