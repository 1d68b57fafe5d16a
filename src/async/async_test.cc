#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "async/channel.h"
#include "async/deadline.h"
#include "async/event.h"
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

TEST(Channel, ABatchIsWhatIsThere) {
  Channel<int> channel(10);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(channel.Push(int{i}));
  EXPECT_EQ(channel.PopBatch(2, std::chrono::hours(1)), (std::vector<int>{0, 1}))
      << "a full one waits for nothing";
  EXPECT_EQ(channel.PopBatch(10, Duration(0)), (std::vector<int>{2, 3, 4}));
}

TEST(Channel, ABatchWaitsForMoreUntilItIsFullOrTheChannelCloses) {
  Channel<int> channel(10);
  std::vector<std::vector<int>> batches;
  std::thread taker([&] {
    for (;;) {
      batches.push_back(channel.PopBatch(3, std::chrono::hours(1)));
      if (batches.back().empty()) return;
    }
  });
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(channel.Push(int{i}));
  channel.Close();
  taker.join();
  EXPECT_EQ(batches, (std::vector<std::vector<int>>{{0, 1, 2}, {3, 4, 5}, {6}, {}}));
}

// A channel that holds less than a batch: who pushes must not be refused while it is gathered.
TEST(Channel, AFullChannelIsABatch) {
  Channel<int> channel(2);
  EXPECT_TRUE(channel.Push(1));
  EXPECT_TRUE(channel.Push(2));
  EXPECT_EQ(channel.PopBatch(100, std::chrono::hours(1)), (std::vector<int>{1, 2}));
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

}  // namespace
}  // namespace weir
