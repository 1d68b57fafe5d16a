#include "engine/embed_queue.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>

#include "engine/reader.h"

namespace weir::engine {
namespace {

using std::chrono::milliseconds;

// A model that takes a millisecond for a token.
class EmbedQueueTest : public ::testing::Test {
 protected:
  ~EmbedQueueTest() override {
    for (const int end : ends_) close(end);
  }

  uint64_t Add(wire::Caller caller, size_t inputs, size_t tokens = 100,
               chat::Priority priority = chat::Priority::kInteractive) {
    StartEmbed item{.id = ++ids_, .cancelled = std::make_shared<std::atomic<bool>>(false)};
    item.work.caller = caller;
    item.work.priority = priority;
    item.work.inputs.assign(inputs, std::vector<llama::Token>(tokens, 1));
    flags_[ids_] = item.cancelled;
    queue_.Add(std::move(item));
    return ids_;
  }
  bool Turn() {
    return queue_.TakeTurn([&]() -> Result<void> {
      if (between_) between_();
      return {};
    });
  }
  // Request ids in the order of their answers, failures as negative ones.
  std::vector<int64_t> Answers() {
    outbox_.Put(wire::EngineFrame::kText, 1'000'000, wire::Text{});
    if (!outbox_.Flush()) ADD_FAILURE() << "nothing can be sent";
    std::vector<int64_t> answers;
    for (;;) {
      const auto frame = ReadFrame(ends_[1], frames_);
      if (!frame || frame->request == 1'000'000) return answers;
      const bool failed = frame->kind == static_cast<uint16_t>(wire::EngineFrame::kFailure);
      if (failed) failures_[frame->request] = *wire::Decode<wire::Failure>(frame->body);
      if (!failed) vectors_[frame->request] = *wire::Decode<chat::Embeddings>(frame->body);
      answers.push_back(failed ? -static_cast<int64_t>(frame->request)
                               : static_cast<int64_t>(frame->request));
    }
  }

  EmbedQueue::Compute Model() {
    return [this](std::span<const std::vector<llama::Token>> inputs,
                  const std::function<bool()>& stop) -> Result<EmbedQueue::Vectors> {
      EmbedQueue::Vectors vectors;
      size_t tokens = 0;
      for (const auto& input : inputs) {
        if (stop()) return Fail(Cancelled());
        tokens += input.size();
        clock_.Advance(milliseconds(input.size()));
        vectors.push_back({static_cast<float>(input.size()), 0});
      }
      largest_turn_ = std::max(largest_turn_, tokens);
      return vectors;
    };
  }

  static std::array<int, 2> Pair() {
    std::array<int, 2> ends = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    return ends;
  }

  std::array<int, 2> ends_ = Pair();
  FakeClock clock_;
  Outbox outbox_{ends_[0]};
  wire::FrameReader frames_;
  EmbedQueue queue_{Model(), outbox_, {.waiting_max = 20, .waiting_max_per_key = 10}, clock_};
  uint64_t ids_ = 0;
  size_t largest_turn_ = 0;
  std::map<uint64_t, CancelFlag> flags_;
  std::map<uint64_t, wire::Failure> failures_;
  std::map<uint64_t, chat::Embeddings> vectors_;
  std::function<void()> between_;
};

TEST_F(EmbedQueueTest, ALargeRequestIsDoneInManyTurnsAndWhole) {
  const auto id = static_cast<int64_t>(Add({.key = 1}, 50, 100));
  int turns = 0;
  while (Turn()) ++turns;
  EXPECT_EQ(Answers(), std::vector<int64_t>{id});
  EXPECT_GE(turns, 4);
  EXPECT_LE(largest_turn_, kTurnTokens + 100);
  EXPECT_EQ(vectors_.at(1).vectors.size(), 50u);
  EXPECT_EQ(vectors_.at(1).usage.prompt_tokens, 5000);
  EXPECT_EQ(queue_.tokens(), 5000u);
  EXPECT_NEAR(queue_.tokens_per_s(), 1000, 1);
  EXPECT_EQ(queue_.waiting() + queue_.running(), 0);
}

TEST_F(EmbedQueueTest, AFloodOfOneKeyDelaysTheTextOfAnotherByATurn) {
  for (int i = 0; i < 10; ++i) Add({.key = 1, .client = static_cast<uint64_t>(i)}, 40, 100);
  ASSERT_TRUE(Turn());
  const auto single = static_cast<int64_t>(Add({.key = 2}, 1, 20));
  ASSERT_TRUE(Turn());
  EXPECT_EQ(Answers(), std::vector<int64_t>{single});
}

TEST_F(EmbedQueueTest, AShortTextGoesBeforeALongListOfItsOwnClient) {
  Add({.key = 1}, 100, 100);
  ASSERT_TRUE(Turn());
  const auto single = static_cast<int64_t>(Add({.key = 1}, 1, 20));
  ASSERT_TRUE(Turn());
  EXPECT_EQ(Answers(), std::vector<int64_t>{single});
}

TEST_F(EmbedQueueTest, TwoKeysGetTheSame) {
  const auto first = static_cast<int64_t>(Add({.key = 1}, 60, 100));
  const auto second = static_cast<int64_t>(Add({.key = 2}, 30, 100));
  while (Answers().empty()) ASSERT_TRUE(Turn());
  EXPECT_EQ(queue_.running(), 1);
  EXPECT_TRUE(vectors_.contains(static_cast<uint64_t>(second)));
  EXPECT_GE(queue_.tokens(), 5000u);
  EXPECT_LE(queue_.tokens(), 7500u) << "the other had its turns meanwhile";
  while (Turn()) {
  }
  EXPECT_EQ(Answers(), std::vector<int64_t>{first});
}

TEST_F(EmbedQueueTest, PrioritiesGoFirstAndNobodyWaitsForEver) {
  const auto slow = static_cast<int64_t>(Add({.key = 1}, 1, 1000, chat::Priority::kBackground));
  std::vector<int64_t> answers;
  for (int turn = 0; turn < 60 && (answers.empty() || answers.back() != slow); ++turn) {
    Add({.key = 100 + static_cast<uint64_t>(turn)}, 2, 1000);  // always somebody new
    ASSERT_TRUE(Turn());
    for (const int64_t id : Answers()) answers.push_back(id);
  }
  EXPECT_GT(answers.size(), 5u);
  EXPECT_EQ(answers.back(), slow);
}

TEST_F(EmbedQueueTest, TheQueueIsBoundedAndRetryAfterIsMeasured) {
  Add({.key = 9}, 10, 100);
  while (Turn()) {
  }
  std::vector<int64_t> refused;
  for (int i = 0; i < 12; ++i) Add({.key = 1}, 10, 200);
  refused = Answers();
  EXPECT_EQ(refused.size(), 3u) << "the first ten, and the one before";
  const wire::Failure& own = failures_.rbegin()->second;
  EXPECT_EQ(own.code, Code::kRateLimited);
  EXPECT_EQ(own.reason, "queue_full");
  EXPECT_EQ(own.retry_after_s, 10) << "half of 20,000 tokens at 1,000 a second";
  for (int i = 0; i < 11; ++i) Add({.key = 50 + static_cast<uint64_t>(i)}, 1, 10);
  ASSERT_EQ(Answers().size(), 1u);
  EXPECT_EQ(failures_.rbegin()->second.code, Code::kUnavailable);
  EXPECT_EQ(queue_.refused(), 3u);
  EXPECT_EQ(queue_.waiting(), 20);
}

TEST_F(EmbedQueueTest, WhatIsCancelledHasOneAnswerWhereverItIs) {
  const uint64_t in_turn = Add({.key = 1}, 4, 100);
  const uint64_t waiting = Add({.key = 2}, 4, 2000);
  bool first = true;
  between_ = [&] {
    if (!std::exchange(first, false)) return;
    for (const uint64_t id : {in_turn, waiting}) {
      flags_[id]->store(true);
      queue_.Drop(id, Cancelled());
    }
  };
  while (Turn()) {
  }
  std::vector<int64_t> answers = Answers();
  std::ranges::sort(answers);
  EXPECT_EQ(answers,
            (std::vector<int64_t>{-static_cast<int64_t>(waiting), -static_cast<int64_t>(in_turn)}));
  EXPECT_EQ(queue_.waiting() + queue_.running(), 0);
}

TEST_F(EmbedQueueTest, WhenTheModelIsLostEverybodyIsTold) {
  Add({.key = 1}, 40, 100);
  ASSERT_TRUE(Turn());
  Add({.key = 2}, 1, 100);
  queue_.FailAll({Code::kBackendFailed, "lost"});
  EXPECT_EQ(Answers(), (std::vector<int64_t>{-1, -2}));
  EXPECT_FALSE(Turn());
}

}  // namespace
}  // namespace weir::engine
