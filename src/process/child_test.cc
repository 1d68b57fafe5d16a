#include "process/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "process/socket_pair.h"

namespace weir {
namespace {

ChildSpec Shell(std::string script) {
  return ChildSpec{.program = "/bin/sh", .arguments = {"-c", std::move(script)}};
}

std::string ReadAll(int fd) {
  std::string all;
  char part[4096];
  for (ssize_t n = 0; (n = read(fd, part, sizeof part)) > 0;)
    all.append(part, static_cast<size_t>(n));
  return all;
}

// What the script wrote to its stdout.
std::string OutputOf(ChildSpec spec) {
  auto pipe = MakePipe();
  spec.descriptors[1] = pipe->write.get();
  auto child = Child::Spawn(spec);
  if (!child) return "not started: " + child.error().message;
  pipe->write.Reset();
  std::string output = ReadAll(pipe->read.get());
  child->Wait();
  return output;
}

size_t OpenDescriptors() {
  namespace fs = std::filesystem;
  return static_cast<size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

bool ReadableWithin(int fd, int timeout_ms) {
  pollfd item{fd, POLLIN, 0};
  return poll(&item, 1, timeout_ms) == 1;
}

TEST(Child, TellsHowTheProgramEnded) {
  auto good = Child::Spawn(Shell("exit 0"));
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_TRUE(good->Wait().Clean());
  auto bad = Child::Spawn(Shell("exit 3"));
  EXPECT_EQ(bad->Wait().ToString(), "exit code 3");
  auto killed = Child::Spawn(Shell("kill -SEGV $$"));
  EXPECT_EQ(killed->Wait().ToString(), "signal 11 (SEGV)");
  EXPECT_EQ(killed->TryWait()->ToString(), "signal 11 (SEGV)") << "the same answer for ever";
}

TEST(Child, AProgramThatCannotRunIsAnErrorAtOnce) {
  const auto child = Child::Spawn({.program = "/nowhere/program"});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Code::kNotFound);
  EXPECT_NE(child.error().message.find("No such file"), std::string::npos);
}

TEST(Child, InheritsOnlyTheNamedEnvironment) {
  setenv("WEIR_TEST_SECRET", "s3cret", 1);
  ChildSpec spec{.program = "/usr/bin/env", .environment = {"ONE=1", "TWO=2"}};
  EXPECT_EQ(OutputOf(spec), "ONE=1\nTWO=2\n");
}

TEST(Child, InheritsOnlyTheNamedDescriptors) {
  const Fd leaky(fcntl(STDIN_FILENO, F_DUPFD, 7));  // without close-on-exec on purpose
  const Fd leaky_high(fcntl(STDIN_FILENO, F_DUPFD, 200));
  const Fd wanted(open("/etc/hostname", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(wanted.valid());
  ChildSpec spec = Shell("for f in /proc/$$/fd/*; do echo ${f##*/}; done");
  spec.descriptors = {{5, wanted.get()}, {9, wanted.get()}};
  EXPECT_EQ(OutputOf(spec), "0\n1\n2\n3\n5\n9\n") << "3 is the shell's own, to list the folder";
}

TEST(Child, DescriptorsMaySwapTheirNumbers) {
  auto a = MakePipe();
  auto b = MakePipe();
  ASSERT_EQ(write(a->write.get(), "a\n", 2), 2);
  ASSERT_EQ(write(b->write.get(), "b\n", 2), 2);
  a->write.Reset();
  b->write.Reset();
  const int low = a->read.get(), high = b->read.get();
  ChildSpec spec = Shell("cat <&" + std::to_string(low) + "; cat <&" + std::to_string(high));
  spec.descriptors = {{low, high}, {high, low}};
  EXPECT_EQ(OutputOf(spec), "b\na\n");
}

// The mask of this name in a child's /proc/self/status, in hexadecimal.
std::string SignalsOf(const std::string& name) {
  return OutputOf(Shell("sed -n 's/^" + name + ":.//p' /proc/self/status"));
}

TEST(Child, StartsWithDefaultSignalsAndAnEmptyMask) {
  sigset_t usr1;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
  std::signal(SIGUSR2, SIG_IGN);
  const std::string blocked = SignalsOf("SigBlk");
  const std::string ignored = SignalsOf("SigIgn");
  pthread_sigmask(SIG_UNBLOCK, &usr1, nullptr);
  std::signal(SIGUSR2, SIG_DFL);
  EXPECT_EQ(std::stoull(blocked, nullptr, 16), 0);
  // 32 and 33 belong to libc: posix_spawn leaves them ignored, and sigaction refuses to touch them.
  EXPECT_EQ(std::stoull(ignored, nullptr, 16) & ~(3ULL << 31), 0);
}

TEST(Child, IsInAProcessGroupOfItsOwn) {
  auto pipe = MakePipe();
  auto waiting = Child::Spawn({.program = "/bin/cat", .descriptors = {{0, pipe->read.get()}}});
  ASSERT_TRUE(waiting);
  EXPECT_EQ(getpgid(waiting->pid()), waiting->pid());
}

TEST(Child, GoesFirstWhenMemoryRunsOutIfToldSo) {
  EXPECT_EQ(OutputOf({.program = "/bin/cat",
                      .arguments = {"/proc/self/oom_score_adj"},
                      .out_of_memory_score = 700}),
            "700\n");
}

TEST(Child, PollFdBecomesReadableAtTheEnd) {
  auto pipe = MakePipe();
  auto child = Child::Spawn({.program = "/bin/cat", .descriptors = {{0, pipe->read.get()}}});
  ASSERT_TRUE(child);
  EXPECT_FALSE(ReadableWithin(child->poll_fd(), 0));
  EXPECT_FALSE(child->TryWait());
  pipe->write.Reset();
  ASSERT_TRUE(ReadableWithin(child->poll_fd(), 10'000));
  EXPECT_TRUE(child->TryWait()->Clean());
}

TEST(Child, DestructionKillsAndReaps) {
  const size_t before = OpenDescriptors();
  pid_t pid = -1;
  {
    auto pipe = MakePipe();
    auto child = Child::Spawn({.program = "/bin/cat", .descriptors = {{0, pipe->read.get()}}});
    pid = child->pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "no zombie";
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(Child, AHundredStartsLeaveNothingBehind) {
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 100; ++i) {
    auto child = Child::Spawn({.program = i % 10 == 0 ? "/nowhere/program" : "/bin/true"});
    if (child && i % 2 == 0) child->Wait();
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(OpenDescriptors(), before);
}

// The middle process spawns `cat` and is killed; `cat` holds the write end of a pipe, whose
// end-of-file proves its death.
TEST(Child, DiesWithItsParent) {
  auto alive = MakePipe();
  auto started = MakePipe();
  auto input = MakePipe();
  const pid_t middle = fork();
  if (middle == 0) {
    auto child = Child::Spawn(
        {.program = "/bin/cat", .descriptors = {{0, input->read.get()}, {1, alive->write.get()}}});
    [[maybe_unused]] const ssize_t n = write(started->write.get(), child ? "y" : "n", 1);
    pause();
    _exit(0);
  }
  alive->write.Reset();
  char answer = 0;
  ASSERT_EQ(read(started->read.get(), &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_FALSE(ReadableWithin(alive->read.get(), 0));
  kill(middle, SIGKILL);
  waitpid(middle, nullptr, 0);
  EXPECT_TRUE(ReadableWithin(alive->read.get(), 10'000)) << "the grandchild lives on";
  EXPECT_EQ(ReadAll(alive->read.get()), "");
}

}  // namespace
}  // namespace weir
