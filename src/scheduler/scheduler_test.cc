#include "scheduler/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "scheduler/test_engine.h"

namespace weir::scheduler::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Scheduler, AnEmptyOneHasNothingToDo) {
  TestEngine engine(SmallMachine());
  EXPECT_TRUE(engine.scheduler.Next(engine.now).empty());
}

TEST(Scheduler, APromptIsComputedOnceAndAsksForASampleAtItsEnd) {
  TestEngine engine(SmallMachine());
  const RequestId id = engine.Submit(Text(0, 100), 5);
  const std::vector<Row> rows = engine.Step();
  ASSERT_EQ(rows.size(), 100u);
  EXPECT_EQ(std::count_if(rows.begin(), rows.end(), [](const Row& r) { return r.output; }), 1);
  EXPECT_EQ(rows.back().samples, 1);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).prompt_rows, 100);
  EXPECT_EQ(engine.of(id).decode_rows, 4);  // the fifth token is sampled and never decoded
  EXPECT_EQ(engine.answered(id), 5);
  EXPECT_EQ(engine.of(id).ended, EndReason::kLength);
}

// Sharing.

TEST(Sharing, EightClientsWithOneSystemPromptComputeItOnce) {
  TestEngine engine(SmallMachine());
  for (int i = 0; i < 8; ++i) {
    engine.Submit({.prompt = Text(0, 1140) + Text(10'000 * (i + 1), 45),
                   .max_new_tokens = 32,
                   .client = static_cast<uint64_t>(i)});
  }
  engine.RunUntilIdle();
  EXPECT_EQ(engine.scheduler.stats().prefill_tokens, 1140u + 8 * 45);
  EXPECT_EQ(engine.scheduler.stats().hits_joined, 7u);
  EXPECT_EQ(engine.scheduler.stats().preemptions, 0u);
  EXPECT_EQ(engine.of(8).cached, 1140);
}

TEST(Sharing, CellsOfAStreamThatStillRunsAreShared) {
  TestEngine engine(SmallMachine());
  const RequestId donor = engine.Submit(Text(0, 300), 200);
  engine.StepUntil([&] { return engine.answered(donor) >= 10; });
  const RequestId second = engine.Submit(Text(0, 300) + Text(5000, 20), 5);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(second).cached, 300);
  EXPECT_EQ(engine.of(second).prompt_rows, 20);
  EXPECT_EQ(engine.scheduler.stats().hits_running, 1u);
}

TEST(Sharing, TheSamePromptAgainComputesOnlyItsLastToken) {
  TestEngine engine(SmallMachine());
  engine.Submit(Text(0, 300), 5);
  engine.RunUntilIdle();
  const RequestId again = engine.Submit(Text(0, 300), 5);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(again).cached, 299);
  EXPECT_EQ(engine.of(again).prompt_rows, 1);
}

TEST(Sharing, TwoConversationsTakingTurnsComputeOnlyWhatIsNew) {
  TestEngine engine(SmallMachine() /* 8192 cells */);
  std::vector<Token> talk[2] = {Text(0, 3500), Text(100'000, 3500)};
  for (int turn = 0; turn < 4; ++turn) {
    for (int who = 0; who < 2; ++who) {
      const RequestId id = engine.Submit(talk[who], 50);
      engine.RunUntilIdle();
      // 40 of the user and the last answer token, which was sampled and not decoded.
      if (turn > 0) EXPECT_EQ(engine.of(id).prompt_rows, 41);
      talk[who] = talk[who] + engine.of(id).answers[0] + Text(200'000 + 1000 * turn, 40);
    }
  }
  EXPECT_EQ(engine.scheduler.stats().cells_evicted, 0u);
}

TEST(Sharing, NoTenantAndNoGroupGetsAnothersCells) {
  TestEngine engine(SmallMachine());
  engine.Submit({.prompt = Text(0, 200), .max_new_tokens = 2, .tenant_salt = 1});
  engine.RunUntilIdle();
  const RequestId other =
      engine.Submit({.prompt = Text(0, 200), .max_new_tokens = 2, .tenant_salt = 2});
  const RequestId group =
      engine.Submit({.prompt = Text(0, 200), .max_new_tokens = 2, .tenant_salt = 1, .group = 1});
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(other).cached, 0);
  EXPECT_EQ(engine.of(group).cached, 0);
}

TEST(Sharing, NobodyWaitsForAnotherTenantsPrefix) {
  TestEngine engine(SmallMachine());
  engine.Submit({.prompt = Text(0, 2000), .max_new_tokens = 2, .tenant_salt = 1});
  engine.Step();
  engine.Submit({.prompt = Text(0, 2000), .max_new_tokens = 2, .tenant_salt = 2});
  engine.Step();
  EXPECT_EQ(engine.scheduler.stats().held, 0);
  EXPECT_EQ(engine.scheduler.stats().prefilling, 2);
}

// A timing probe learns nothing: each step is the same whether another tenant cached these very
// tokens or others.
TEST(Sharing, WhatAnotherTenantHasChangesNoStepOfMine) {
  const auto steps_of_mine = [](Token theirs) {
    TestEngine engine(SmallMachine());
    engine.Submit({.prompt = Text(theirs, 900), .max_new_tokens = 3, .tenant_salt = 1});
    engine.RunUntilIdle();
    engine.Submit(
        {.prompt = Text(theirs, 900) + Text(90'000, 600), .max_new_tokens = 60, .tenant_salt = 1});
    engine.Step();  // and one still runs
    const RequestId mine =
        engine.Submit({.prompt = Text(0, 900), .max_new_tokens = 5, .tenant_salt = 2, .client = 2});
    std::vector<std::pair<int64_t, int32_t>> steps;  // when, how many of my rows
    for (std::vector<Row> rows = engine.Step(); !rows.empty(); rows = engine.Step()) {
      const auto count =
          std::count_if(rows.begin(), rows.end(), [&](const Row& r) { return r.request == mine; });
      steps.emplace_back(engine.now.time_since_epoch().count(), static_cast<int32_t>(count));
    }
    return steps;
  };
  EXPECT_EQ(steps_of_mine(0), steps_of_mine(50'000));
}

TEST(Sharing, WhoWaitsForAPrefixGoesOnWhenItsMakerLeaves) {
  TestEngine engine(SmallMachine());
  const RequestId maker = engine.Submit(Text(0, 2000), 5);
  engine.Step();
  const RequestId waiter = engine.Submit(Text(0, 2000) + Text(9000, 10), 5);
  engine.Step();
  EXPECT_EQ(engine.scheduler.stats().held, 1);
  engine.scheduler.Cancel(maker);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.answered(waiter), 5);
  EXPECT_GT(engine.of(waiter).cached, 0);
  EXPECT_EQ(engine.scheduler.stats().prefill_tokens, 2010u);
}

TEST(Sharing, APrivateRequestLeavesNothingBehind) {
  TestEngine engine(SmallMachine());
  engine.Submit(Text(0, 100), 2);
  engine.RunUntilIdle();
  engine.Submit(
      {.prompt = Text(0, 100) + Text(700, 50), .max_new_tokens = 9, .keep_prefix = false});
  engine.RunUntilIdle();
  EXPECT_EQ(engine.scheduler.stats().cells_used,
            101);  // what was there before, the whole of it was shared
  const RequestId id = engine.Submit(Text(0, 100) + Text(700, 50), 2);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).cached, 100);
}

TEST(Sharing, AWholeOnlyMemoryContinuesOnlyWhatAPromptExtends) {
  Options options = SmallMachine();
  options.sharing = Sharing::kWhole;
  TestEngine engine(options);
  const RequestId first = engine.Submit(Text(0, 100), 10);
  engine.RunUntilIdle();
  const std::vector<Token> talk = Text(0, 100) + engine.of(first).answers[0];
  const RequestId next = engine.Submit(talk + Text(500, 10), 10);
  const RequestId changed = engine.Submit(Text(0, 90) + Text(700, 20), 10);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(next).cached, 109);  // all but the last answer token, which was never decoded
  EXPECT_EQ(engine.of(next).prompt_rows, 11);
  EXPECT_EQ(engine.of(changed).cached, 0);
}

TEST(Sharing, AWholeOnlyMemoryKeepsTheEndOfThePromptForAnswersThatComeBackOtherwise) {
  Options options = SmallMachine();
  options.sharing = Sharing::kWhole;
  TestEngine engine(options);
  std::vector<Token> talk = Text(0, 100);
  for (int turn = 0; turn < 4; ++turn) {
    const auto before = static_cast<int32_t>(talk.size());
    const RequestId id = engine.Submit(talk, 10);
    engine.RunUntilIdle();
    EXPECT_EQ(engine.of(id).cached, turn == 0 ? 0 : before - 25);
    EXPECT_EQ(engine.of(id).prompt_rows, turn == 0 ? 100 : 25);
    talk = talk + Text(1000 * (turn + 1), 25);
  }
  // Two questions of one beginning each go on from it.
  const RequestId one = engine.Submit(talk + Text(7000, 10), 10);
  const RequestId other = engine.Submit(talk + Text(8000, 10), 10);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(one).prompt_rows, 35);
  EXPECT_EQ(engine.of(other).prompt_rows, 35);
}

// Latency.

TEST(Latency, AForeignPromptDoesNotFreezeAStream) {
  TestEngine engine(SmallMachine());
  const RequestId stream = engine.Submit(Text(0, 50), 2000);
  engine.StepUntil([&] { return engine.answered(stream) >= 20; });
  engine.of(stream).gap_max = {};
  const RequestId foreign =
      engine.Submit({.prompt = Text(10'000, 3000), .max_new_tokens = 1, .client = 2});
  engine.StepUntil([&] { return engine.of(foreign).ended.has_value(); });
  EXPECT_LE(engine.of(stream).gap_max, SmallMachine().target_step * 6 / 5);
  EXPECT_LE(engine.of(foreign).first_token, milliseconds(static_cast<int>(3000 * 3.6 * 1.3)));
}

TEST(Latency, NobodyDecodingMeansBigChunks) {
  TestEngine engine(SmallMachine());
  engine.Submit(Text(0, 3000), 1);
  for (int i = 0; i < 5; ++i) EXPECT_GE(engine.Step().size(), 128u);
}

TEST(Latency, ACancelledPromptIsGoneFromTheNextStep) {
  TestEngine engine(SmallMachine());
  const RequestId gone = engine.Submit(Text(0, 2500), 10);
  engine.Step();
  engine.scheduler.Cancel(gone);
  const RequestId next = engine.Submit(Text(50'000, 20), 3);
  for (const Row& row : engine.Step()) EXPECT_EQ(row.request, next);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.scheduler.stats().seqs_used, engine.scheduler.stats().seqs_idle);
}

TEST(Latency, ACancelDuringAStepCountsAfterIt) {
  TestEngine engine(SmallMachine());
  const RequestId id = engine.Submit(Text(0, 10), 10);
  const Plan plan = engine.scheduler.Next(engine.now);
  ASSERT_EQ(plan.rows.size(), 10u);
  engine.scheduler.Cancel(id);
  engine.scheduler.Decoded({}, milliseconds(1));
  EXPECT_EQ(engine.scheduler.stats().prefilling, 0);
  engine.scheduler.Sampled(id, 0, 7);  // crossed the cancel: ignored
  EXPECT_TRUE(engine.scheduler.Next(engine.now).rows.empty());
}

TEST(Latency, AShortPromptGoesBeforeALongOneOfAnotherClient) {
  TestEngine engine(SmallMachine());
  const RequestId stream =
      engine.Submit({.prompt = Text(0, 50), .max_new_tokens = 3000, .client = 9});
  engine.StepUntil([&] { return engine.answered(stream) >= 20; });
  const RequestId longer =
      engine.Submit({.prompt = Text(10'000, 3000), .max_new_tokens = 1, .client = 1});
  engine.Step();
  const RequestId shorter =
      engine.Submit({.prompt = Text(50'000, 60), .max_new_tokens = 1, .client = 2});
  engine.StepUntil([&] { return engine.of(longer).ended.has_value(); });
  EXPECT_LT(engine.of(shorter).first_token, milliseconds(500));
}

TEST(Latency, APausedStreamGetsNoRowsUntilItIsResumed) {
  TestEngine engine(SmallMachine());
  const RequestId id = engine.Submit(Text(0, 10), 10);
  engine.StepUntil([&] { return engine.answered(id) == 3; });
  engine.scheduler.Pause(id);
  EXPECT_TRUE(engine.Step().empty());
  engine.scheduler.Resume(id);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.answered(id), 10);
}

// Room.

TEST(Room, NobodyFailsAtThreeTimesTheCells) {
  Options options = SmallMachine();
  options.cells = 6080;  // 24 clients of 760 tokens and 200 of output each
  options.output_reserve = 16;
  TestEngine engine(options);
  for (int i = 0; i < 24; ++i) {
    engine.Submit({.prompt = Text(10'000 * i, 760),
                   .max_new_tokens = 200,
                   .client = static_cast<uint64_t>(i)});
  }
  engine.RunUntilIdle();
  for (RequestId id = 1; id <= 24; ++id) {
    EXPECT_EQ(engine.answered(id), 200);
    EXPECT_EQ(engine.of(id).ended, EndReason::kLength);
  }
  // What is requeued finds most of its cells again.
  EXPECT_LT(engine.scheduler.stats().prefill_tokens, 24u * 760 * 3 / 2);
}

TEST(Room, ARequeuedStreamGoesOnWhereItWas) {
  Options options = SmallMachine();
  options.cells = 100;
  options.output_reserve = 0;
  TestEngine engine(options);
  const RequestId first = engine.Submit(Text(0, 40), 40);
  const RequestId second = engine.Submit(Text(500, 40), 40);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(first).requeued, 0);  // the first in order keeps its place
  EXPECT_GE(engine.of(second).requeued, 1);
  TestEngine alone(options);
  alone.Submit(Text(500, 40), 40);
  alone.RunUntilIdle();
  EXPECT_EQ(engine.of(second).answers, alone.of(1).answers);
}

TEST(Room, ARequestThatOutgrowsTheCacheEndsAndSaysSo) {
  Options options = SmallMachine();
  options.cells = 64;
  TestEngine engine(options);
  const RequestId id = engine.Submit(Text(0, 60), 1000);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).ended, EndReason::kOutOfRoom);
  EXPECT_EQ(engine.answered(id), 5);  // four cells, and the last token needs none
}

TEST(Room, IdleLeavesGoBeforeTheirSharedTrunk) {
  Options options = SmallMachine();
  options.cells = 1000;
  options.output_reserve = 0;
  TestEngine engine(options);
  for (int i = 0; i < 4; ++i) {
    engine.Submit(Text(0, 400) + Text(10'000 * (i + 1), 100), 1);
    engine.RunUntilIdle();
  }
  engine.Submit(Text(500'000, 500), 1);
  engine.RunUntilIdle();
  const RequestId id = engine.Submit(Text(0, 400) + Text(90'000, 10), 1);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).cached, 400);
}

TEST(Room, ARefusedStepCostsNobodyTheAnswer) {
  TestEngine engine(SmallMachine());
  const RequestId a = engine.Submit(Text(0, 100), 5);
  const RequestId b = engine.Submit(Text(1000, 100), 5);
  const Plan plan = engine.scheduler.Next(engine.now);
  ASSERT_EQ(plan.rows.size(), 200u);
  engine.scheduler.Decoded({.kind = StepOutcome::Kind::kNoRoom}, milliseconds(1));
  EXPECT_LE(engine.Step().size(), 100u);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.answered(a), 5);
  EXPECT_EQ(engine.answered(b), 5);
}

TEST(Room, AnAbortedStepKeepsWhatWasComputed) {
  TestEngine engine(SmallMachine());
  const RequestId id = engine.Submit(Text(0, 100), 5);
  const Plan plan = engine.scheduler.Next(engine.now);
  for (const SeqOp& op : plan.ops) EXPECT_EQ(engine.memory.Apply(op), "");
  for (int i = 0; i < 64; ++i) engine.memory.Put(plan.rows[static_cast<size_t>(i)], {});
  engine.scheduler.Decoded(
      {.kind = StepOutcome::Kind::kAborted, .reached = {{plan.rows[0].seq, 64}}}, milliseconds(1));
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).prompt_rows, 36);
  EXPECT_EQ(engine.answered(id), 5);
}

TEST(Room, AFailedStepEndsOnlyItsOwnBranches) {
  Options options = SmallMachine();
  options.running_max = 1;
  TestEngine engine(options);
  const RequestId lost = engine.Submit(Text(0, 100), 5);
  const RequestId other = engine.Submit(Text(1000, 100), 5);
  const Plan plan = engine.scheduler.Next(engine.now);
  engine.scheduler.Decoded({.kind = StepOutcome::Kind::kFailed}, milliseconds(1));
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(lost).ended, EndReason::kFailed);
  EXPECT_EQ(engine.answered(other), 5);
}

// Order.

TEST(Order, AClientWithManyRequestsDoesNotDelayAnother) {
  Options options = SmallMachine();
  options.running_max = 2;
  TestEngine engine(options);
  for (int i = 0; i < 30; ++i) {
    engine.Submit({.prompt = Text(10'000 * i, 100), .max_new_tokens = 20, .client = 1});
  }
  for (int i = 0; i < 10; ++i) engine.Step();
  const RequestId one =
      engine.Submit({.prompt = Text(900'000, 100), .max_new_tokens = 20, .client = 2});
  engine.StepUntil([&] { return engine.answered(one) == 20; });
  int done = 0;
  for (const auto& [id, it] : engine.seen) done += it.ended.has_value() ? 1 : 0;
  EXPECT_LE(done, 5);
}

TEST(Order, AnInteractiveRequestPushesOutABackgroundOneAndThatStillEnds) {
  Options options = SmallMachine();
  options.running_max = 1;
  TestEngine engine(options);
  const RequestId slow = engine.Submit(
      {.prompt = Text(0, 100), .max_new_tokens = 100, .priority = Priority::kBackground});
  engine.StepUntil([&] { return engine.answered(slow) >= 5; });
  const RequestId quick =
      engine.Submit({.prompt = Text(1000, 20), .max_new_tokens = 5, .client = 2});
  engine.StepUntil([&] { return engine.answered(quick) == 5; });
  EXPECT_LT(engine.answered(slow), 8);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.answered(slow), 100);
  EXPECT_EQ(engine.of(slow).prompt_rows, 100);  // its cells were kept: nothing was computed twice
}

TEST(Order, ABackgroundRequestStarvesUnderNoStreamOfBetterOnes) {
  Options options = SmallMachine();
  options.running_max = 2;
  options.waiting_max_per_key = 500;
  TestEngine engine(options);
  const RequestId id = engine.Submit(
      {.prompt = Text(0, 100), .max_new_tokens = 30, .priority = Priority::kBackground});
  Token text = 10'000;
  uint64_t client = 10;
  while (!engine.of(id).ended && engine.now < MonotonicTime(seconds(200))) {
    while (engine.scheduler.stats().waiting < 20) {  // new clients all the time
      engine.Submit({.prompt = Text(text += 1000, 50), .max_new_tokens = 10, .client = ++client});
    }
    engine.Step();
  }
  EXPECT_EQ(engine.answered(id), 30);
  EXPECT_LT(engine.of(id).last, MonotonicTime(seconds(45)));  // overdue comes after 30 s
}

TEST(Order, TheQueueIsBoundedAndRetryAfterFollowsTheMeasuredRate) {
  Options options = SmallMachine();
  options.running_max = 1;
  options.waiting_max = 20;
  options.waiting_max_per_key = 15;
  TestEngine engine(options);
  engine.decode_cost = milliseconds(100);
  for (int i = 0; i < 15; ++i)
    engine.Submit({.prompt = Text(1000 * i, 10), .max_new_tokens = 21, .client = 1});
  const Result<void> own = engine.scheduler.Submit(
      {.id = 900, .prompt = Text(0, 10), .max_new_tokens = 1, .client = 1}, engine.now);
  EXPECT_EQ(own.error().code, Code::kRateLimited);
  for (int i = 0; i < 5; ++i)
    engine.Submit({.prompt = Text(50'000 * i, 10), .max_new_tokens = 21, .key = 2});
  const auto refused = [&] {
    return engine.scheduler.Submit(
        {.id = 901, .prompt = Text(0, 10), .max_new_tokens = 1, .key = 3}, engine.now);
  };
  EXPECT_EQ(refused().error().code, Code::kUnavailable);
  EXPECT_GE(refused().error().retry_after_s, 1);
  engine.StepUntil([&] { return engine.scheduler.stats().waiting == 10; });
  for (int i = 0; i < 10; ++i) {
    engine.Submit({.prompt = Text(700'000 + 1000 * i, 10),
                   .max_new_tokens = 21,
                   .key = 2 + static_cast<uint64_t>(i)});
  }
  // A request takes about 2.2 s and half of 20 are to start.
  EXPECT_GE(refused().error().retry_after_s, 18);
  EXPECT_LE(refused().error().retry_after_s, 26);
}

TEST(Order, GroupsShareNoStepAndTakeTurns) {
  Options options = SmallMachine();
  options.group_quantum = 4;
  TestEngine engine(options);
  const RequestId a = engine.Submit({.prompt = Text(0, 10), .max_new_tokens = 60, .group = 1});
  const RequestId b = engine.Submit({.prompt = Text(0, 10), .max_new_tokens = 60, .group = 2});
  for (int i = 0; i < 60; ++i) {
    std::set<RequestId> in_step;
    for (const Row& row : engine.Step()) in_step.insert(row.request);
    EXPECT_EQ(in_step.size(), 1u);
    EXPECT_LE(std::abs(engine.answered(a) - engine.answered(b)), 5);
  }
}

// Forks, scores, reproducible requests.

TEST(Forks, ShareThePromptAndGoTheirOwnWays) {
  TestEngine engine(SmallMachine());
  const RequestId id = engine.Submit({.prompt = Text(0, 200), .max_new_tokens = 10, .forks = 4});
  engine.RunUntilIdle();
  EXPECT_EQ(engine.of(id).prompt_rows, 200);
  std::set<std::vector<Token>> answers(engine.of(id).answers.begin(), engine.of(id).answers.end());
  EXPECT_EQ(answers.size(), 4u);
  for (const auto& answer : answers) EXPECT_EQ(answer.size(), 10u);
}

TEST(Forks, EndWithARequestThatIsFinishedBeforeItsPromptIsDone) {
  TestEngine engine(SmallMachine());
  const RequestId id = engine.Submit({.prompt = Text(0, 900), .max_new_tokens = 10, .forks = 3});
  engine.Step();
  engine.scheduler.Finished(id, 0);
  EXPECT_TRUE(engine.Step().empty());
  EXPECT_EQ(engine.scheduler.stats().prefilling + engine.scheduler.stats().waiting, 0);
  // The request is over: its id is free again (a live one would be refused by a CHECK).
  EXPECT_TRUE(engine.scheduler.Submit({.id = id, .prompt = Text(0, 10)}, engine.now));
}

TEST(Forks, StartAsRoomAllows) {
  Options options = SmallMachine();
  options.seqs_max = 2;
  TestEngine engine(options);
  const RequestId id = engine.Submit({.prompt = Text(0, 200), .max_new_tokens = 10, .forks = 6});
  engine.RunUntilIdle();
  for (size_t branch = 0; branch < 6; ++branch) EXPECT_EQ(engine.answered(id, branch), 10);
}

TEST(Scores, ContinuationsShareTheirPromptAndEndWithIt) {
  TestEngine engine(SmallMachine());
  for (int i = 0; i < 3; ++i) {
    engine.Submit({.prompt = Text(0, 200) + Text(1000 * (i + 1), 5), .prompt_outputs_from = 199});
  }
  int outputs = 0;
  for (std::vector<Row> rows = engine.Step(); !rows.empty(); rows = engine.Step()) {
    for (const Row& row : rows) outputs += row.output ? 1 : 0;
  }
  EXPECT_EQ(outputs, 3 * 6);
  EXPECT_EQ(engine.scheduler.stats().prefill_tokens, 199u + 3 * 6);
  EXPECT_EQ(engine.of(3).ended, EndReason::kPromptDone);
}

TEST(Reproducible, TheStepsAfterTheReusedPartAreTheSameOnAnIdleEngine) {
  const auto steps = [](TestEngine& engine) {
    engine.Submit({.prompt = Text(0, 700), .max_new_tokens = 20, .deterministic = true});
    std::vector<std::pair<int32_t, size_t>> shape;  // first position and rows of each step
    for (std::vector<Row> rows = engine.Step(); !rows.empty(); rows = engine.Step()) {
      shape.emplace_back(rows.front().pos, rows.size());
    }
    return shape;
  };
  TestEngine engine(SmallMachine());
  engine.Submit(Text(0, 600) + Text(9000, 50), 40);  // computed in other chunks: not to be reused
  engine.RunUntilIdle();
  const auto cold = steps(engine);
  const auto warm = steps(engine);
  EXPECT_EQ(cold.front(), std::pair(0, size_t{128}));
  EXPECT_EQ(warm.front(), std::pair(640, size_t{60}));
  EXPECT_TRUE(std::equal(warm.rbegin(), warm.rend(), cold.rbegin()));
}

}  // namespace
}  // namespace weir::scheduler::testing
