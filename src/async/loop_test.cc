// What a Loop itself promises: order, what keeps it running, what becomes of those that wait when
// something ends; and descriptors.
#include "async/loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/event.h"
#include "async/run_for_test.h"
#include "async/spawn.h"

namespace weir {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime Now() { return SystemClock().Now(); }

// Two ends that are connected; the second is the test's.
struct Pair {
  explicit Pair(Loop& loop) {
    std::array<int, 2> ends = {};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    near = std::make_unique<Descriptor>(loop.executor(), ends[0]);
    far = ends[1];
  }
  ~Pair() { HangUp(); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void Say(std::string_view text) const {
    EXPECT_EQ(send(far, text.data(), text.size(), 0), std::ssize(text));
  }
  void HangUp() {
    if (far >= 0) close(std::exchange(far, -1));
  }
  char Read() const {
    char c = 0;
    EXPECT_EQ(recv(near->fd(), &c, 1, 0), 1);
    return c;
  }

  std::unique_ptr<Descriptor> near;
  int far = -1;
};

std::string Word(const Result<void>& result) {
  return result ? "ok " : std::string(CodeName(result.error().code)) + " ";
}

Task<void> ReadTwice(Pair& pair, std::string& log) {
  for (int i = 0; i < 2; ++i) {
    const Result<void> readable = co_await pair.near->WaitReadable();
    log += Word(readable);
    if (!readable) co_return;
    log += pair.Read();
  }
}

TEST(Descriptor, WhatIsLeftUnreadIsStillReadable) {
  Loop loop;
  Pair pair(loop);
  std::string log;
  Spawn(loop.executor(), "reader", ReadTwice(pair, log));
  EXPECT_FALSE(loop.RunFor(milliseconds(1))) << "a Task that waits keeps the loop running";
  pair.Say("ab");
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "ok aok b");
}

TEST(Descriptor, CancellingLeavesItToTheNext) {
  Loop loop;
  Pair pair(loop);
  std::string log;
  const CancelHandle first = Spawn(loop.executor(), "first", ReadTwice(pair, log));
  EXPECT_FALSE(loop.RunFor(milliseconds(1)));
  first.Cancel();
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  Spawn(loop.executor(), "second", ReadTwice(pair, log));
  pair.Say("ab");
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "cancelled ok aok b");
}

TEST(Descriptor, CloseEndsTheWaitsAndALaterOneFindsItClosed) {
  Loop loop;
  Pair pair(loop);
  std::string log;
  Spawn(loop.executor(), "reader", ReadTwice(pair, log));
  EXPECT_FALSE(loop.RunFor(milliseconds(1)));
  pair.near->Close();
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  Spawn(loop.executor(), "reader", ReadTwice(pair, log));
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "cancelled cancelled ");
  EXPECT_EQ(pair.near->fd(), -1);
}

Task<void> SendMuch(Descriptor& socket, size_t bytes, std::string& log) {
  const std::string text(bytes, 'x');
  log += Word(co_await SendAll(socket, text));
}

TEST(Descriptor, AFullSocketIsWaitedFor) {
  Loop loop;
  Pair pair(loop);
  std::string log;
  constexpr size_t kBytes = size_t{8} << 20;
  Spawn(loop.executor(), "sender", SendMuch(*pair.near, kBytes, log));
  std::jthread reader([&pair] {
    std::vector<char> room(65536);
    size_t got = 0;
    while (got < kBytes) {
      const ssize_t n = recv(pair.far, room.data(), room.size(), 0);
      ASSERT_GT(n, 0);
      got += static_cast<size_t>(n);
    }
  });
  EXPECT_TRUE(loop.RunFor(seconds(30)));
  EXPECT_EQ(log, "ok ");
}

Duration ThreadTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// The kernel reports an end, and bytes, for as long as they are there.
TEST(Descriptor, WhatNobodyReadsKeepsNobodyBusy) {
  Loop loop;
  Pair pair(loop);
  int calls = 0;
  pair.near->OnceReadable([&] { ++calls; });
  pair.Say("a");
  pair.HangUp();
  Spawn(loop.executor(), "guard", []() -> Task<void> { co_await SleepFor(milliseconds(200)); }());
  const Duration before = ThreadTime();
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_LT(ThreadTime() - before, milliseconds(100));
  EXPECT_EQ(calls, 1);
  pair.near->OnceReadable([&] { ++calls; });
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(calls, 2);
}

TEST(Descriptor, ACallThatNeverComesIsDestroyedButNotInsideClose) {
  Loop loop;
  Pair pair(loop);
  auto owner = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = owner;
  pair.near->OnceReadable([owner = std::move(owner)] { FAIL(); });
  pair.near->Close();
  EXPECT_FALSE(alive.expired());
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_TRUE(alive.expired());
}

// Says when it is destroyed.
struct Witness {
  Witness(std::string& to, std::string what) : log(to), word(std::move(what)) {}
  ~Witness() { log += word + " "; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  std::string& log;
  const std::string word;
};

enum class For : uint8_t { kEvent, kTime, kDescriptor };

Task<Result<int>> Inner(For what, Event& event, Pair& pair, std::string& log) {
  const Witness witness(log, "inner");
  if (what == For::kEvent) co_await event.Wait();
  if (what == For::kTime) co_await SleepFor(hours(1));
  if (what == For::kDescriptor) co_await pair.near->WaitReadable();
  log += "resumed ";
  co_return 1;
}
Task<void> Outer(For what, Event& event, Pair& pair, std::string& log) {
  const Witness witness(log, "outer");
  co_await WithDeadline(Now() + hours(1), Inner(what, event, pair, log));
  log += "resumed ";
}

TEST(Loop, DestroysWhatWaitsFromTheInsideOutWithoutRunningIt) {
  for (const For what : {For::kEvent, For::kTime, For::kDescriptor}) {
    std::string log;
    {
      auto loop = std::make_unique<Loop>();
      Event event(loop->executor());
      Pair pair(*loop);
      const CancelHandle handle =
          Spawn(loop->executor(), "tree", Outer(what, event, pair, log), [&] { log += "done "; });
      EXPECT_FALSE(loop->RunFor(milliseconds(1)));
      loop.reset();
      EXPECT_EQ(log, "inner outer ");
      handle.Cancel();
    }
    EXPECT_EQ(log, "inner outer ");
  }
}

TEST(Event, AbandonDestroysTheTreesThatWait) {
  Loop loop;
  std::string log;
  Pair pair(loop);
  Event event(loop.executor());
  Spawn(loop.executor(), "a", Outer(For::kEvent, event, pair, log), [&] { log += "done "; });
  Spawn(loop.executor(), "b", Outer(For::kEvent, event, pair, log));
  EXPECT_FALSE(loop.RunFor(milliseconds(1)));
  event.Abandon();
  EXPECT_EQ(log, "inner outer inner outer ");
  EXPECT_TRUE(loop.RunFor(seconds(10)));
}

Task<void> WaitOn(Event& event, std::string& log) { log += Word(co_await event.Wait()); }

TEST(Event, WhoWaitsWhenItEndsIsResumedByCancellingAlone) {
  Loop loop;
  std::string log;
  auto event = std::make_unique<Event>(loop.executor());
  const CancelHandle handle = Spawn(loop.executor(), "a", WaitOn(*event, log));
  EXPECT_FALSE(loop.RunFor(milliseconds(1)));
  event.reset();
  EXPECT_FALSE(loop.RunFor(milliseconds(1)));
  EXPECT_EQ(log, "");
  handle.Cancel();
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "cancelled ");
}

Task<Result<int>> Waits(Event& event) {
  if (auto waited = co_await event.Wait(); !waited) co_return Fail(waited.error());
  co_return 1;
}
Task<void> Nested(Event& event, MonotonicTime outer, MonotonicTime inner, std::string& log) {
  const Result<int> got = co_await WithDeadline(outer, WithDeadline(inner, Waits(event)));
  log += got ? "1" : CodeName(got.error().code);
}

TEST(Deadline, TheEarlierOfTwoCounts) {
  for (const bool outer_first : {true, false}) {
    Loop loop;
    Event never(loop.executor());
    std::string log;
    const MonotonicTime soon = Now() + milliseconds(2);
    const MonotonicTime late = Now() + hours(1);
    Spawn(loop.executor(), "nested",
          Nested(never, outer_first ? soon : late, outer_first ? late : soon, log));
    EXPECT_TRUE(loop.RunFor(seconds(10)));
    EXPECT_EQ(log, "deadline_exceeded");
  }
}

TEST(Deadline, CancellingReachesTheInnermost) {
  Loop loop;
  Event never(loop.executor());
  std::string log;
  const CancelHandle handle =
      Spawn(loop.executor(), "nested", Nested(never, Now() + hours(1), Now() + hours(2), log));
  EXPECT_FALSE(loop.RunFor(milliseconds(1)));
  handle.Cancel();
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(log, "cancelled");
}

Task<int> Depth(int left) {
  if (left == 0) co_return 0;
  co_return 1 + co_await Depth(left - 1);
}
Task<int> Immediate() { co_return 1; }
Task<int> Sum(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await Immediate();
  co_return sum;
}

TEST(Task, NeitherDepthNorLengthUsesStack) {
  Loop loop;
  EXPECT_EQ(RunForTest(loop, Depth(100'000)), 100'000);
  EXPECT_EQ(RunForTest(loop, Sum(1'000'000)), 1'000'000);
}

Task<int> Throws() {
  throw std::runtime_error("of the innermost");
  co_return 1;
}
Task<std::string> Catches() {
  try {
    co_await Throws();
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing";
}

TEST(Task, WhatIsThrownArrivesWhereItIsAwaited) {
  Loop loop;
  EXPECT_EQ(RunForTest(loop, Catches()), "of the innermost");
}

TEST(Task, OneThatIsNeverAwaitedNeverRuns) {
  Loop loop;
  std::string log;
  Pair pair(loop);
  Event event(loop.executor());
  {
    const Task<void> never = Outer(For::kEvent, event, pair, log);
  }
  EXPECT_EQ(log, "");
}

TEST(Loop, PostsOfSeveralThreadsAllArriveAndInTheOrderOfEach) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 5'000;
  Loop loop;
  std::array<int, kThreads> next = {};
  int arrived = 0;
  bool in_order = true;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        Post(loop.executor(), [&, t, i] {
          in_order &= next[static_cast<size_t>(t)]++ == i;
          if (++arrived == kThreads * kPosts) loop.Stop();
        });
        // Often enough the loop sleeps by then.
        if (i % 64 == 0) std::this_thread::yield();
      }
    });
  }
  Spawn(loop.executor(), "guard", []() -> Task<void> { co_await SleepFor(hours(1)); }());
  EXPECT_TRUE(loop.RunFor(kTestPatience));
  EXPECT_EQ(arrived, kThreads * kPosts);
  EXPECT_TRUE(in_order);
}

TEST(Loop, StopsFromAnotherThreadWhileItSleeps) {
  Loop loop;
  Spawn(loop.executor(), "guard", []() -> Task<void> { co_await SleepFor(hours(1)); }());
  std::atomic<bool> ended = false;
  std::jthread stopper([&] {
    // Again and again: a stop before Run says nothing.
    while (!ended) {
      loop.Stop();
      std::this_thread::yield();
    }
  });
  const bool stopped = loop.RunFor(kTestPatience);
  ended = true;
  EXPECT_TRUE(stopped);
}

// Alarms against a plain sorted list, with random times, many of them equal, and many taken back.
TEST(Loop, AlarmsRingInTheOrderOfTheirTimesAndThenAsTheyWereArmed) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    Loop loop;
    std::vector<size_t> rung;
    std::vector<std::unique_ptr<Timer>> timers;
    std::vector<std::pair<int, size_t>> expected;  // time and order of arming
    std::vector<size_t> armed_as(64);
    const size_t count = 1 + random() % 64;
    for (size_t i = 0; i < count; ++i) {
      timers.push_back(std::make_unique<Timer>(loop.executor(), [&rung, i] { rung.push_back(i); }));
    }
    std::vector<int> time(count, -1);
    size_t order = 0;
    for (int step = 0; step < 300; ++step) {
      const size_t i = random() % count;
      if (random() % 4 == 0) {
        timers[i]->Stop();
        time[i] = -1;
      } else {
        time[i] = static_cast<int>(random() % 20);
        timers[i]->StartAt(MonotonicTime() + milliseconds(time[i]));
        armed_as[i] = order++;
      }
    }
    std::vector<size_t> wanted;
    for (size_t i = 0; i < count; ++i) {
      if (time[i] >= 0) wanted.push_back(i);
    }
    std::ranges::sort(wanted, [&](size_t a, size_t b) {
      return std::pair(time[a], armed_as[a]) < std::pair(time[b], armed_as[b]);
    });
    EXPECT_TRUE(loop.RunFor(seconds(10)));
    EXPECT_EQ(rung, wanted) << "seed " << seed;
  }
}

TEST(Timer, IsStartedAnewWhereItRings) {
  Loop loop;
  int rung = 0;
  Timer* self = nullptr;
  Timer timer(loop.executor(), [&] {
    if (++rung < 3) self->Start(Duration(0));
  });
  self = &timer;
  timer.Start(milliseconds(1));
  EXPECT_TRUE(timer.started());
  EXPECT_TRUE(loop.RunFor(seconds(10)));
  EXPECT_EQ(rung, 3);
  EXPECT_FALSE(timer.started());
}

}  // namespace
}  // namespace weir
