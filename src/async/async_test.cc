#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "async/channel.h"
#include "async/deadline.h"
#include "async/event.h"
#include "async/handover.h"
#include "async/loop.h"
#include "async/spawn.h"

namespace weir {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime Now() { return SystemClock().Now(); }

Task<void> Record(std::string& log, std::string word, Event* until = nullptr) {
  if (until) {
    const Result<void> waited = co_await until->Wait();
    log += waited ? "set " : std::string(CodeName(waited.error().code)) + " ";
  }
  log += word + " ";
}

TEST(Spawn, RunsTheTaskAndThenDone) {
  Loop loop;
  std::string log;
  Spawn(loop.executor(), "test", Record(log, "ran"), [&] { log += "done"; });
  EXPECT_EQ(log, "");
  loop.Run();
  EXPECT_EQ(log, "ran done");
}

Task<void> Throws() {
  co_await SleepFor(Duration(0));
  throw std::runtime_error("a bug");
}

TEST(Spawn, LogsAnEscapingExceptionWithTheNameAndTheLoopGoesOn) {
  Loop loop;
  std::string log;
  testing::internal::CaptureStderr();
  Spawn(loop.executor(), "the-name", Throws(), [&] { log += "done "; });
  Spawn(loop.executor(), "other", Record(log, "other"));
  loop.Run();
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_NE(printed.find("the-name"), std::string::npos) << printed;
  EXPECT_NE(printed.find("a bug"), std::string::npos) << printed;
  EXPECT_NE(log.find("other"), std::string::npos);
  EXPECT_NE(log.find("done"), std::string::npos);
}

TEST(Event, ResumesEveryWaiterAndStaysSet) {
  Loop loop;
  Event event(loop.executor());
  std::string log;
  Spawn(loop.executor(), "a", Record(log, "a", &event));
  Spawn(loop.executor(), "b", Record(log, "b", &event));
  Post(loop.executor(), [&] {
    log += "setting ";
    event.Set();
    log += "returned ";
  });
  loop.Run();
  EXPECT_EQ(log, "setting returned set a set b ");
  Spawn(loop.executor(), "c", Record(log, "c", &event));
  loop.Run();
  EXPECT_EQ(log, "setting returned set a set b set c ");
}

TEST(Event, CancelWakesTheWaiterWithCancelledAndALaterSetFindsNobody) {
  Loop loop;
  Event event(loop.executor());
  std::string log;
  const CancelHandle handle = Spawn(loop.executor(), "a", Record(log, "a", &event));
  Post(loop.executor(), [&] {
    handle.Cancel();
    handle.Cancel();
    event.Set();
  });
  loop.Run();
  EXPECT_EQ(log, "cancelled a ");
}

TEST(Event, CancelAfterSetButBeforeResumeIsSafe) {
  Loop loop;
  Event event(loop.executor());
  std::string log;
  const CancelHandle handle = Spawn(loop.executor(), "a", Record(log, "a", &event));
  Post(loop.executor(), [&] {
    event.Set();
    handle.Cancel();
  });
  loop.Run();
  EXPECT_EQ(log, "cancelled a ");
}

Task<void> RecordUntil(Event& event, MonotonicTime deadline, std::string& log) {
  const Result<void> waited = co_await event.WaitUntil(deadline);
  log += waited ? "set " : std::string(CodeName(waited.error().code)) + " ";
}

TEST(Event, WaitUntilEndsAtItsDeadlineAndALaterSetFindsNobody) {
  Loop loop;
  Event event(loop.executor());
  std::string log;
  Spawn(loop.executor(), "late", RecordUntil(event, Now() + milliseconds(5), log));
  Spawn(loop.executor(), "past", RecordUntil(event, Now() - hours(1), log));
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  event.Set();
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "deadline_exceeded deadline_exceeded ");
}

TEST(Event, WaitUntilSeesASetThatWasTakenBackBeforeItRan) {
  Loop loop;
  Event event(loop.executor());
  std::string log;
  Spawn(loop.executor(), "a", RecordUntil(event, Now() + hours(1), log));
  Spawn(loop.executor(), "b", RecordUntil(event, Now() + hours(1), log));
  Post(loop.executor(), [&] {
    event.Set();
    event.Reset();
  });
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "set set ");
}

// The alarm and Set at the same moment: the coroutine goes on once, whichever came first.
TEST(Event, WaitUntilSurvivesASetAtItsDeadline) {
  Loop loop;
  std::string log;
  constexpr int kRounds = 300;
  for (int i = 0; i < kRounds; ++i) {
    Event event(loop.executor());
    const MonotonicTime deadline = Now() + std::chrono::microseconds(i);
    Spawn(loop.executor(), "a", RecordUntil(event, deadline, log));
    Post(loop.executor(), [&] {
      while (Now() < deadline) {
      }
      event.Set();
    });
    EXPECT_TRUE(loop.RunFor(seconds(10)));
  }
  EXPECT_EQ(std::ranges::count(log, ' '), kRounds);
}

Task<void> WaitTwice(Event& event, std::string& log) {
  for (int i = 0; i < 2; ++i) {
    const Result<void> waited = co_await event.WaitUntil(Now() + hours(1));
    log += waited ? "set " : std::string(CodeName(waited.error().code)) + " ";
  }
  log += co_await SleepFor(hours(1)) ? "slept" : "not-slept";
}

TEST(Cancel, IsStickyForTheWholeTree) {
  Loop loop;
  Event event(loop.executor());
  std::string log;
  const CancelHandle handle = Spawn(loop.executor(), "tree", WaitTwice(event, log));
  Post(loop.executor(), [&] { handle.Cancel(); });
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "cancelled cancelled not-slept");
}

TEST(Cancel, BetweenTwoRunsReachesATaskThatEndsFirst) {
  Loop loop;
  Event event(loop.executor());
  std::string log;
  {
    const CancelHandle handle = Spawn(loop.executor(), "a", Record(log, "a", &event));
    loop.RunFor(milliseconds(1));
    event.Set();
    handle.Cancel();
  }
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_TRUE(log == "set a " || log == "cancelled a ") << log;
}

TEST(Cancel, AfterTheLoopIsGoneDoesNothing) {
  CancelHandle handle;
  std::string log;
  {
    Loop loop;
    handle = Spawn(loop.executor(), "a", Record(log, "a"));
  }
  handle.Cancel();
  EXPECT_EQ(log, "");
}

TEST(Cancel, BeforeTheFirstStepStillRunsTheTaskCancelled) {
  Loop loop;
  Event event(loop.executor());
  std::string log;
  Spawn(loop.executor(), "tree", WaitTwice(event, log)).Cancel();
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_TRUE(log.empty() || log == "cancelled cancelled not-slept") << log;
}

Task<Result<int>> AnswerAfter(Event* event, int answer) {
  if (event) {
    if (Result<void> waited = co_await event->Wait(); !waited) co_return Fail(waited.error());
  }
  co_return answer;
}

Task<void> Guarded(Event* event, MonotonicTime deadline, std::string& log) {
  const Result<int> answer = co_await WithDeadline(deadline, AnswerAfter(event, 7));
  log += answer ? std::to_string(*answer) : std::string(CodeName(answer.error().code));
}

TEST(Deadline, ReturnsTheAnswerThatIsInTime) {
  Loop loop;
  std::string log;
  Spawn(loop.executor(), "guarded", Guarded(nullptr, Now() + hours(1), log));
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "7");
}

TEST(Deadline, CutsShortWhatTakesTooLong) {
  Loop loop;
  Event never(loop.executor());
  std::string log;
  Spawn(loop.executor(), "guarded", Guarded(&never, Now() + milliseconds(5), log));
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "deadline_exceeded");
}

TEST(Deadline, CancellingTheCallerIsNotADeadline) {
  Loop loop;
  Event never(loop.executor());
  std::string log;
  const CancelHandle handle =
      Spawn(loop.executor(), "guarded", Guarded(&never, Now() + hours(1), log));
  Event started(loop.executor());
  Post(loop.executor(), [&] { Post(loop.executor(), [&] { handle.Cancel(); }); });
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "cancelled");
}

TEST(Channel, RefusesWhenFullAndNamesTheLimit) {
  Channel<int> channel(2);
  EXPECT_TRUE(channel.Push(1));
  EXPECT_TRUE(channel.Push(2));
  const Result<void> third = channel.Push(3);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::kUnavailable);
  EXPECT_NE(third.error().message.find("2"), std::string::npos);
  EXPECT_EQ(channel.TryPop(), 1);
  EXPECT_TRUE(channel.Push(4));
}

TEST(Channel, ClosedKeepsWhatIsInsideAndTakesNothingNew) {
  Channel<int> channel(2);
  EXPECT_TRUE(channel.Push(1));
  channel.Close();
  EXPECT_FALSE(channel.Push(2));
  EXPECT_FALSE(channel.closed_and_empty());
  EXPECT_EQ(channel.Pop(), 1);
  EXPECT_EQ(channel.Pop(), std::nullopt);
  EXPECT_TRUE(channel.closed_and_empty());
}

TEST(Channel, PopReturnsNothingAtTheDeadline) {
  Channel<int> channel(1);
  EXPECT_EQ(channel.PopUntil(Now() + milliseconds(5)), std::nullopt);
}

TEST(Channel, CarriesEveryValueInOrderFromEachOfSeveralThreads) {
  Channel<std::pair<int, int>> channel(4);
  std::vector<std::jthread> writers;
  for (int w = 0; w < 3; ++w) {
    writers.emplace_back([&channel, w] {
      for (int i = 0; i < 500;) {
        if (channel.Push({w, i})) {
          ++i;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  std::vector<int> next(3, 0);
  for (int i = 0; i < 1500; ++i) {
    const auto value = channel.Pop();
    ASSERT_TRUE(value);
    EXPECT_EQ(value->second, next[value->first]++);
  }
}

Task<void> Drain(Channel<int>& channel, Event& pushed, int& sum) {
  while (!channel.closed_and_empty()) {
    if (!co_await pushed.Wait()) co_return;
    pushed.Reset();
    while (const auto value = channel.TryPop()) sum += *value;
  }
}

TEST(Channel, WakesACoroutineOfAnotherThread) {
  Loop loop;
  Event pushed(loop.executor());
  Channel<int> channel(1000, pushed.Setter());
  int sum = 0;
  Spawn(loop.executor(), "drain", Drain(channel, pushed, sum));
  std::jthread writer([&channel] {
    for (int i = 1; i <= 1000; ++i) EXPECT_TRUE(channel.Push(std::move(i)));
    channel.Close();
  });
  // The waiting coroutine alone does not keep the loop alive.
  Spawn(loop.executor(), "guard", []() -> Task<void> { co_await SleepFor(hours(1)); }());
  Post(loop.executor(), [] {});
  for (int i = 0; i < 10'000 && sum != 500'500; ++i) loop.RunFor(milliseconds(5));
  EXPECT_EQ(sum, 500'500);
}

// What knows the thread that it is destroyed on.
struct Traced {
  explicit Traced(int value, std::set<std::thread::id>& ends)
      : number(value), destroyed_on(&ends) {}
  Traced(Traced&& other) noexcept
      : number(other.number), destroyed_on(std::exchange(other.destroyed_on, nullptr)) {}
  Traced& operator=(Traced&&) = delete;
  ~Traced() {
    if (destroyed_on != nullptr) destroyed_on->insert(std::this_thread::get_id());
  }
  int number;
  std::set<std::thread::id>* destroyed_on;
};

TEST(Handover, CarriesEveryValueInOrderAndGivesItBackToWhoPushedIt) {
  std::set<std::thread::id> ends;
  std::vector<int> seen;
  {
    Handover<Traced> handover(50);
    std::thread taker([&] {
      for (;;) {
        auto batch = handover.Take(Duration(0));
        if (batch.empty()) return;
        for (size_t i = 0; i < batch.size(); ++i) {
          seen.push_back(batch[i].number);
          if (i % 3 == 0) batch.GiveBack(i);
        }
      }
    });
    for (int i = 0; i < 20'000;) {
      if (handover.Push(Traced(i, ends))) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
    handover.Close();
    taker.join();
  }
  ASSERT_EQ(seen.size(), 20'000U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(ends, std::set{std::this_thread::get_id()});
}

TEST(Handover, IsBoundedAndLeavesWhatItRefuses) {
  Handover<std::string> handover(2);
  std::string third = "third";
  EXPECT_TRUE(handover.Push("first"));
  EXPECT_TRUE(handover.Push("second"));
  EXPECT_FALSE(handover.Push(std::move(third)));
  EXPECT_EQ(third, "third");
  {
    auto batch = handover.Take(Duration(0));
    ASSERT_EQ(batch.size(), 2U);
    EXPECT_EQ(batch[0] + batch[1], "firstsecond");
    EXPECT_TRUE(handover.Push(std::move(third))) << "what was taken waits no longer";
  }
  handover.Close();
  EXPECT_FALSE(handover.Push("late"));
  EXPECT_EQ(handover.Take(std::chrono::hours(1)).size(), 1U) << "a closed one waits for nothing";
  EXPECT_TRUE(handover.Take(std::chrono::hours(1)).empty());
}

TEST(Handover, APushDestroysAFewOfThoseThatCameBack) {
  const auto value = std::make_shared<int>(0);
  Handover<std::shared_ptr<int>> handover(100);
  for (int i = 0; i < 90; ++i) EXPECT_TRUE(handover.Push(std::shared_ptr<int>(value)));
  EXPECT_EQ(handover.Take(Duration(0)).size(), 90U);  // and all of it goes back
  for (int i = 0; i < 90; ++i) {
    const auto before = value.use_count();
    EXPECT_TRUE(handover.Push(nullptr));
    EXPECT_LE(before - value.use_count(), 8);
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(Handover, DestroysWhatNobodyTook) {
  const auto left = std::make_shared<int>(1);
  {
    Handover<std::shared_ptr<int>> handover(10);
    EXPECT_TRUE(handover.Push(std::shared_ptr<int>(left)));
    EXPECT_EQ(handover.Take(Duration(0)).size(), 1U);
    EXPECT_TRUE(handover.Push(std::shared_ptr<int>(left)));
  }
  EXPECT_EQ(left.use_count(), 1);
}

}  // namespace
}  // namespace weir
