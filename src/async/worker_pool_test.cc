#include "async/worker_pool.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>

#include "async/loop.h"
#include "async/run_for_test.h"
#include "async/spawn.h"

namespace weir {
namespace {

// Holds whoever enters until it is opened.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Enter() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  bool HasVisitor() {
    const std::lock_guard lock(mutex_);
    return inside_ > 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int inside_ = 0;
};

Task<void> Ask(WorkerPool& pool, std::move_only_function<Result<int>()> call,
               std::optional<Result<int>>& answer) {
  answer = co_await pool.Run<int>(std::move(call));
}

TEST(WorkerPool, ACallThatThrowsIsAnErrorOfItsCallerAlone) {
  Loop loop;
  WorkerPool pool(loop.executor(), 1, 8);
  std::optional<Result<int>> answer;
  RunForTest(loop, Ask(pool, []() -> Result<int> { throw std::bad_alloc(); }, answer));
  EXPECT_EQ(answer->error().code, Code::kUnavailable);
  EXPECT_EQ(answer->error().reason, "no_memory");
  RunForTest(loop, Ask(pool, []() -> Result<int> { throw std::logic_error("no"); }, answer));
  EXPECT_EQ(answer->error().code, Code::kInternal);
  RunForTest(loop, Ask(pool, [] { return Result<int>(7); }, answer));
  EXPECT_EQ(**answer, 7);
}

TEST(WorkerPool, CallsRunBesideTheLoopAndTheirResultsComeBack) {
  Loop loop;
  WorkerPool pool(loop.executor(), 2, 8);
  const auto here = std::this_thread::get_id();
  std::optional<Result<int>> answer;
  RunForTest(loop,
             Ask(pool, [here] { return Result<int>(std::this_thread::get_id() != here); }, answer));
  ASSERT_TRUE(*answer);
  EXPECT_EQ(**answer, 1);
  RunForTest(loop, Ask(pool, [] { return Fail(Code::kConflict, "no"); }, answer));
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, Code::kConflict);
}

TEST(WorkerPool, IsBoundedAndSaysWhenToComeBack) {
  Loop loop;
  Gate gate;
  std::optional<Result<int>> first, second, third;
  {
    WorkerPool pool(loop.executor(), 1, 1);
    const auto wait = [&gate]() -> Result<int> {
      gate.Enter();
      return 7;
    };
    Spawn(loop.executor(), "first", Ask(pool, wait, first));
    ASSERT_TRUE(RunUntilTrue(loop, [&] { return gate.HasVisitor(); }));
    Spawn(loop.executor(), "second", Ask(pool, wait, second));
    RunForTest(loop, Ask(pool, wait, third));
    ASSERT_FALSE(*third);
    EXPECT_EQ(third->error().code, Code::kUnavailable);
    EXPECT_EQ(third->error().retry_after_s, 1);
    gate.Open();
  }
  EXPECT_TRUE(RunUntilTrue(loop, [&] { return first && second; }));
  EXPECT_EQ(first->value_or(0), 7);
  EXPECT_EQ(second->value_or(0), 7);
}

TEST(WorkerPool, ACallWhoseCallerHasGoneIsLeftOut) {
  Loop loop;
  Gate gate;
  bool ran = false;
  std::optional<Result<int>> first, second;
  {
    WorkerPool pool(loop.executor(), 1, 4);
    Spawn(loop.executor(), "first",
          Ask(
              pool,
              [&gate]() -> Result<int> {
                gate.Enter();
                return 1;
              },
              first));
    ASSERT_TRUE(RunUntilTrue(loop, [&] { return gate.HasVisitor(); }));
    const CancelHandle second_call = Spawn(loop.executor(), "second",
                                           Ask(
                                               pool,
                                               [&ran]() -> Result<int> {
                                                 ran = true;
                                                 return 2;
                                               },
                                               second));
    ASSERT_TRUE(RunUntilTrue(loop, [&] { return pool.waiting() == 1; }));
    second_call.Cancel();
    ASSERT_TRUE(RunUntilTrue(loop, [&] { return second.has_value(); }));
    gate.Open();
  }
  EXPECT_TRUE(RunUntilTrue(loop, [&] { return first.has_value(); }));
  EXPECT_FALSE(*second);
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace weir
