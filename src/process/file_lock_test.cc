#include "process/file_lock.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "process/child.h"

namespace weir {
namespace {

class FileLockTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/weir_lock_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(FileLockTest, ASecondHolderIsToldWhoTheFirstIs) {
  auto first = FileLock::Acquire(folder_);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = FileLock::Acquire(folder_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_NE(second.error().message.find(fmt::format("in use by process {};", getpid())),
            std::string::npos)
      << second.error().message;
}

TEST_F(FileLockTest, ALookTellsWhoHoldsItAndTakesNothing) {
  const std::string path = folder_ + "/lock";
  EXPECT_EQ(LockHolder(path), std::nullopt) << "there is no such file";
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    const auto lock = FileLock::Acquire(folder_);
    ASSERT_TRUE(lock);
    EXPECT_EQ(LockHolder(path), getpid());
  }
  EXPECT_EQ(LockHolder(path), std::nullopt);
  EXPECT_TRUE(FileLock::Acquire(folder_));
}

TEST_F(FileLockTest, IsFreeAgainWhenTheHolderLetsGo) {
  {
    ASSERT_TRUE(FileLock::Acquire(folder_));
  }
  EXPECT_TRUE(FileLock::Acquire(folder_));
}

TEST_F(FileLockTest, IsFreeAgainWhenTheHolderIsKilled) {
  auto locked = MakePipe();
  const pid_t holder = fork();
  if (holder == 0) {
    auto lock = FileLock::Acquire(folder_);
    [[maybe_unused]] const ssize_t n = write(locked->write.get(), lock ? "y" : "n", 1);
    pause();
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(read(locked->read.get(), &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto refused = FileLock::Acquire(folder_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(std::to_string(holder)), std::string::npos);
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  EXPECT_TRUE(FileLock::Acquire(folder_));
}

TEST_F(FileLockTest, AChildThatInheritsItKeepsTheFolderLocked) {
  auto input = MakePipe();
  auto child = [&] {
    auto lock = FileLock::Acquire(folder_);
    return Child::Spawn(
        {.program = "/bin/cat", .descriptors = {{0, input->read.get()}, {3, lock->fd()}}});
  }();
  ASSERT_TRUE(child);
  EXPECT_FALSE(FileLock::Acquire(folder_));
  child->Kill(SIGKILL);
  child->Wait();
  EXPECT_TRUE(FileLock::Acquire(folder_));
}

// A server that is killed with all its processes and started again at once.
TEST_F(FileLockTest, ChildrenThatEndBehindAHolderThatHasEndedAreWaitedFor) {
  auto watching = MakePipe();
  const pid_t holder = fork();
  if (holder == 0) {
    const auto lock = FileLock::Acquire(folder_);
    if (lock && fork() == 0) {
      const Fd watch(inotify_init1(0));
      inotify_add_watch(watch.get(), (folder_ + "/lock").c_str(), IN_OPEN);
      char event[sizeof(inotify_event)];
      [[maybe_unused]] ssize_t n = write(watching->write.get(), "y", 1);
      n = read(watch.get(), event, sizeof event);  // until somebody looks at the lock
    }
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(read(watching->read.get(), &answer, 1), 1);
  waitpid(holder, nullptr, 0);
  const auto lock = FileLock::Acquire(folder_);
  EXPECT_TRUE(lock) << lock.error().message;
}

TEST_F(FileLockTest, AMissingFolderIsAClearError) {
  const auto lock = FileLock::Acquire(folder_ + "/missing");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, Code::kNotFound);
}

TEST_F(FileLockTest, DoesNotFollowALink) {
  std::ofstream(folder_ + "/victim") << "precious";
  std::filesystem::create_symlink(folder_ + "/victim", folder_ + "/lock");
  EXPECT_FALSE(FileLock::Acquire(folder_));
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/victim"), 8u);
}

}  // namespace
}  // namespace weir
