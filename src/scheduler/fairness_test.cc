// Who gets a turn: keys before clients, clients before requests, classes before all of them.
#include <gtest/gtest.h>

#include "scheduler/fair_share.h"
#include "scheduler/test_engine.h"

namespace weir::scheduler::testing {
namespace {

Options FewPlaces(int32_t running_max) {
  Options options = SmallMachine();
  options.running_max = running_max;
  options.waiting_max = 1000;
  options.waiting_max_per_key = 1000;
  return options;
}

// So that the scheduler knows what a prompt costs, as one that is not new does.
void Measure(TestEngine& engine) {
  engine.Submit({.prompt = Text(-5000, 300), .max_new_tokens = 2, .key = 99});
  engine.RunUntilIdle();
}

int32_t AnsweredBy(TestEngine& engine, const std::vector<RequestId>& ids) {
  int32_t sum = 0;
  for (const RequestId id : ids) sum += engine.answered(id);
  return sum;
}

TEST(Fairness, TwoKeysGetTheSameHoweverManyNamesOneOfThemUses) {
  TestEngine engine(FewPlaces(2));
  Measure(engine);
  std::vector<RequestId> many, one;
  for (int i = 0; i < 60; ++i) {
    many.push_back(engine.Submit({.prompt = Text(10'000 * (i + 1), 100),
                                  .max_new_tokens = 20,
                                  .key = 1,
                                  .client = 100 + static_cast<uint64_t>(i)}));
  }
  for (int i = 0; i < 30; ++i) {
    one.push_back(engine.Submit({.prompt = Text(1'000'000 + 10'000 * i, 100),
                                 .max_new_tokens = 20,
                                 .key = 2,
                                 .client = 7}));
  }
  engine.StepUntil([&] { return AnsweredBy(engine, one) >= 300; });
  const int32_t others = AnsweredBy(engine, many);
  EXPECT_GE(others, 240);
  EXPECT_LE(others, 360) << "sixty names of one key are one key";
}

TEST(Fairness, ClientsOfAKeyShareWhatTheKeyGets) {
  TestEngine engine(FewPlaces(2));
  Measure(engine);
  std::vector<RequestId> flood, single;
  for (int i = 0; i < 40; ++i) {
    flood.push_back(engine.Submit(
        {.prompt = Text(10'000 * (i + 1), 100), .max_new_tokens = 20, .key = 1, .client = 1}));
  }
  for (int i = 0; i < 20; ++i) {
    single.push_back(engine.Submit({.prompt = Text(1'000'000 + 10'000 * i, 100),
                                    .max_new_tokens = 20,
                                    .key = 1,
                                    .client = 2}));
  }
  engine.StepUntil([&] { return AnsweredBy(engine, single) >= 200; });
  EXPECT_GE(AnsweredBy(engine, flood), 150);
  EXPECT_LE(AnsweredBy(engine, flood), 250);
}

TEST(Fairness, PlacesThatComeFreeTogetherGoToSeveralKeys) {
  TestEngine engine(FewPlaces(4));
  Measure(engine);
  std::vector<RequestId> first, second;
  for (int i = 0; i < 8; ++i) {
    first.push_back(engine.Submit(
        {.prompt = Text(10'000 * (i + 1), 200), .max_new_tokens = 4, .key = 1, .client = 1}));
  }
  for (int i = 0; i < 8; ++i) {
    second.push_back(engine.Submit(
        {.prompt = Text(1'000'000 + 10'000 * i, 200), .max_new_tokens = 4, .key = 2, .client = 1}));
  }
  engine.StepUntil([&] { return engine.of(first[1]).ended && engine.of(second[1]).ended; });
  EXPECT_FALSE(engine.of(first[4]).ended);
  EXPECT_FALSE(engine.of(second[4]).ended);
}

TEST(Fairness, AKeyThatComesLaterPaysNothingForWhatWasFree) {
  TestEngine engine(FewPlaces(1));
  std::vector<RequestId> early;
  for (int i = 0; i < 20; ++i) {
    early.push_back(
        engine.Submit({.prompt = Text(10'000 * (i + 1), 100), .max_new_tokens = 10, .key = 1}));
  }
  engine.StepUntil([&] { return engine.of(early[4]).ended.has_value(); });
  std::vector<RequestId> late;
  for (int i = 0; i < 10; ++i) {
    late.push_back(engine.Submit(
        {.prompt = Text(1'000'000 + 10'000 * i, 100), .max_new_tokens = 10, .key = 2}));
  }
  engine.StepUntil([&] { return engine.of(late[4]).ended.has_value(); });
  EXPECT_TRUE(engine.of(early[7]).ended) << "nor does it get everything at first";
  EXPECT_FALSE(engine.of(early[12]).ended);
}

TEST(Fairness, TheQueueIsBoundedByKeyNotByTheNamesThatItUses) {
  Options options = FewPlaces(1);
  options.waiting_max_per_key = 5;
  TestEngine engine(options);
  for (uint64_t i = 0; i < 5; ++i) {
    engine.Submit({.prompt = Text(static_cast<Token>(1000 * i), 10),
                   .max_new_tokens = 5,
                   .key = 1,
                   .client = i});
  }
  const Result<void> sixth = engine.scheduler.Submit(
      {.id = 900, .prompt = Text(0, 10), .max_new_tokens = 1, .key = 1, .client = 77}, engine.now);
  ASSERT_FALSE(sixth);
  EXPECT_EQ(sixth.error().code, Code::kRateLimited);
  EXPECT_NE(sixth.error().message.find("limits.queue_per_key"), std::string::npos);
  EXPECT_TRUE(engine.scheduler.Submit(
      {.id = 901, .prompt = Text(0, 10), .max_new_tokens = 1, .key = 2, .client = 77}, engine.now));
}

TEST(Fairness, ClassesGoBeforeKeys) {
  TestEngine engine(FewPlaces(1));
  std::vector<RequestId> order;
  const auto add = [&](uint64_t key, Priority priority) {
    const auto text = static_cast<Token>(10'000 * (order.size() + 1));
    order.push_back(engine.Submit(
        {.prompt = Text(text, 50), .max_new_tokens = 3, .key = key, .priority = priority}));
    return order.back();
  };
  const RequestId background = add(1, Priority::kBackground);
  const RequestId batch = add(1, Priority::kBatch);
  const RequestId first = add(2, Priority::kInteractive);
  const RequestId second = add(2, Priority::kInteractive);
  engine.RunUntilIdle();
  const auto end = [&](RequestId id) { return engine.of(id).last; };
  EXPECT_LT(end(first), end(batch));
  EXPECT_LT(end(second), end(batch));
  EXPECT_LT(end(batch), end(background));
}

TEST(Fairness, AGroupOfABetterClassDoesNotWaitForTheQuantumOfAnother) {
  Options options = SmallMachine();
  options.group_quantum = 1000;
  TestEngine engine(options);
  const RequestId slow = engine.Submit({.prompt = Text(0, 50),
                                        .max_new_tokens = 200,
                                        .priority = Priority::kBackground,
                                        .group = 1});
  engine.StepUntil([&] { return engine.answered(slow) >= 10; });
  const RequestId quick =
      engine.Submit({.prompt = Text(5000, 50), .max_new_tokens = 10, .group = 2});
  engine.StepUntil([&] { return engine.answered(quick) == 10; });
  EXPECT_LE(engine.answered(slow), 12);
  engine.RunUntilIdle();
  EXPECT_EQ(engine.answered(slow), 200);
}

TEST(FairShare, AKeyPaysForEveryNameThatItUses) {
  FairShare parties;
  const auto base = parties.Enter(1, 1);
  for (uint64_t client = 1; client < 1000; ++client) {
    const auto party = parties.Enter(2, client);
    FairShare::Charge(party, std::chrono::seconds(1));
    parties.Leave(party);
  }
  const auto back = parties.Enter(2, 5000);
  EXPECT_EQ(back.key->served, std::chrono::seconds(999));
  EXPECT_EQ(back.client->served, Duration(0));
  parties.Leave(back);
  parties.Leave(base);
  EXPECT_EQ(parties.keys().remembered(), 0u) << "nobody is left to have been treated unfairly";
}

}  // namespace
}  // namespace weir::scheduler::testing
