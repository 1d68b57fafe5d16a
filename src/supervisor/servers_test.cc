// Real processes: fakes/fake_server, behind a real warden. Time is the machine's and can be moved
// forward, so that nothing waits for a back-off.
#include "supervisor/servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "supervisor/fakes/free_port.h"

namespace weir {
namespace {

using testing::HasSubstr;
using wire::ServerState;

constexpr auto kPatience = std::chrono::seconds(20);

bool IsRunning(pid_t pid) { return pid > 0 && kill(pid, 0) == 0; }

class ServersTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/weir_servers_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    folder_ = pattern;
    port_ = FreePort();
    log_ = folder_ + "/log";
    const Fd file(open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    stderr_.Reset(dup(STDERR_FILENO));
    dup2(file.get(), STDERR_FILENO);
    SetUpLog("launcher", LogLevel::kInfo);
  }
  void TearDown() override {
    if (servers_) {
      servers_->StopAll(Duration::zero(), Now());
      EXPECT_TRUE(Until([&] { return servers_->empty(); }));
    }
    dup2(stderr_.get(), STDERR_FILENO);
    if (HasFailure()) fmt::print(stderr, "{}", Log());
    std::filesystem::remove_all(folder_);
  }

  Servers& servers() {
    if (!servers_) {
      servers_.emplace(ServersOptions{.program = FAKE_WARDEN,
                                      .environment = {"KEPT=1"},
                                      .grace = std::chrono::milliseconds(300)});
    }
    return *servers_;
  }

  ServerSpec Spec(std::vector<std::string> words, uint64_t fingerprint = 1) const {
    words.insert(words.begin(), std::to_string(port_));
    return {.backend = "rack",
            .program = FAKE_SERVER,
            .arguments = std::move(words),
            .addresses = {*LoopbackAddressOf("127.0.0.1", port_)},
            .host = fmt::format("127.0.0.1:{}", port_),
            .health = "/health",
            .fingerprint = fingerprint};
  }
  void Use(std::vector<std::string> words) { servers().Use({Spec(std::move(words))}, Now()); }

  MonotonicTime Now() const { return SystemClock().Now() + ahead_; }

  template <class Condition>
  bool Until(Condition condition) {
    const MonotonicTime give_up = SystemClock().Now() + kPatience;
    for (;;) {
      for (wire::ServerReport& report : servers_->Turn(Now())) {
        states_.push_back(report.state);
        report_ = std::move(report);
      }
      if (condition()) return true;
      if (SystemClock().Now() > give_up) return false;
      std::vector<pollfd> polled;
      servers_->AddTo(polled);
      // Its own deadlines, and files that the fakes write, which wake nobody.
      poll(polled.data(), polled.size(), 20);
    }
  }
  bool UntilState(ServerState state) {
    return Until([&] { return report_.state == state && !states_.empty(); });
  }
  bool UntilUp() { return UntilState(ServerState::kUp); }

  void Touch(const std::string& name) const { std::ofstream(folder_ + "/" + name) << "x"; }
  pid_t PidIn(const std::string& name) const {
    pid_t pid = 0;
    std::ifstream(folder_ + "/" + name) >> pid;
    return pid;
  }
  std::string Log() const {
    std::ifstream file(log_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string folder_;
  std::string log_;
  uint16_t port_ = 0;
  Fd stderr_;
  Duration ahead_{0};
  std::optional<Servers> servers_;
  std::vector<ServerState> states_;
  wire::ServerReport report_ = {};
};

TEST_F(ServersTest, AServerIsUpWhenItSaysSo) {
  Use({"loading", folder_ + "/loaded"});
  ASSERT_TRUE(Until([&] { return report_.pid > 0; }));
  EXPECT_EQ(report_.state, ServerState::kStarting);
  Touch("loaded");
  ASSERT_TRUE(UntilUp());
  EXPECT_TRUE(IsRunning(report_.pid));
  EXPECT_EQ(report_.restarts, 0u);
  EXPECT_EQ(report_.problem, "");
  EXPECT_THAT(Log(), HasSubstr("server of rack: ready after"));
}

TEST_F(ServersTest, OneThatIsNeverReadyIsStartedAgain) {
  Use({"loading", folder_ + "/never"});
  ASSERT_TRUE(Until([&] { return report_.pid > 0; }));
  ahead_ = std::chrono::minutes(11);
  ASSERT_TRUE(Until([&] { return report_.restarts == 1; }));
  EXPECT_THAT(report_.problem, HasSubstr("it was not ready within 600 s ("));
}

TEST_F(ServersTest, OneThatCrashesIsStartedAgainThreeTimesAndThenLater) {
  Use({"exit", "3"});
  ASSERT_TRUE(UntilState(ServerState::kFailed));
  EXPECT_EQ(report_.restarts, 4u);
  EXPECT_EQ(report_.pid, 0);
  EXPECT_THAT(report_.problem, testing::AllOf(HasSubstr("exit code 3"),
                                              HasSubstr("last words: fake_server: no such")));
  EXPECT_GT(report_.retry_after_ms, 0u);
  EXPECT_LE(report_.retry_after_ms, 1000u);
  ahead_ += std::chrono::seconds(1);
  ASSERT_TRUE(Until([&] { return report_.restarts == 5; }));
  EXPECT_GT(report_.retry_after_ms, 1000u);
}

TEST_F(ServersTest, LongLoadsThatFailEachTimeAreNotTakenForRareFailures) {
  Use({"loading", folder_ + "/never"});
  for (uint32_t restarts = 1; restarts <= 4; ++restarts) {
    ASSERT_TRUE(Until([&] { return report_.pid > 0 && report_.restarts == restarts - 1; }));
    ahead_ += std::chrono::minutes(11);
    ASSERT_TRUE(Until([&] { return report_.restarts == restarts; }));
  }
  EXPECT_EQ(report_.state, ServerState::kFailed);
}

TEST_F(ServersTest, OneThatCrashesInUseIsStartedAgainAtOnce) {
  Use({"hangs", folder_ + "/never"});
  ASSERT_TRUE(UntilUp());
  const pid_t first = report_.pid;
  kill(first, SIGSEGV);
  ASSERT_TRUE(Until([&] { return report_.restarts == 1; }));
  EXPECT_EQ(report_.problem, "signal 11 (SEGV)");
  ASSERT_TRUE(UntilUp());
  EXPECT_NE(report_.pid, first);
}

TEST_F(ServersTest, OneThatHangsIsKilledAndStartedAgain) {
  Use({"stubborn", "hangs", folder_ + "/stuck"});
  ASSERT_TRUE(UntilUp());
  const pid_t first = report_.pid;
  Touch("stuck");
  ahead_ += std::chrono::seconds(6);  // it is asked now, and does not answer
  ASSERT_TRUE(Until([&] { return servers_->NextDeadline() > Now() + std::chrono::seconds(1); }));
  ahead_ += std::chrono::seconds(61);
  ASSERT_TRUE(Until([&] { return report_.restarts == 1; }));
  EXPECT_THAT(report_.problem, HasSubstr("it was not well within 60 s (no answer in time at"));
  EXPECT_FALSE(IsRunning(first));
}

TEST_F(ServersTest, AProgramThatCannotBeStartedIsAFailure) {
  ServerSpec spec = Spec({});
  spec.program = "/nowhere/vllm";
  servers().Use({spec}, Now());
  ASSERT_TRUE(UntilState(ServerState::kFailed));
  EXPECT_THAT(report_.problem, HasSubstr("cannot start /nowhere/vllm: No such file"));
}

TEST_F(ServersTest, WhereSomebodyElseListensItIsNotStarted) {
  const Fd other(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const LoopbackAddress address = *LoopbackAddressOf("127.0.0.1", port_);
  ASSERT_EQ(bind(other.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size), 0);
  ASSERT_EQ(listen(other.get(), 1), 0);
  Use({});
  ASSERT_TRUE(UntilState(ServerState::kFailed));
  EXPECT_THAT(report_.problem, HasSubstr("another program listens at 127.0.0.1:"));
  EXPECT_THAT(Log(), testing::Not(HasSubstr("started as process")));
}

// As whisper.cpp's and llama.cpp's servers do, which set SO_REUSEPORT alone: when they are killed,
// their connections hold the port against everybody who asks for it by SO_REUSEADDR.
TEST_F(ServersTest, ConnectionsOfAKilledServerDoNotHoldItsPort) {
  const LoopbackAddress address = *LoopbackAddressOf("127.0.0.1", port_);
  const auto* at = reinterpret_cast<const sockaddr*>(&address.bytes);
  Fd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ASSERT_EQ(setsockopt(server.get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes), 0);
  ASSERT_EQ(bind(server.get(), at, address.size), 0);
  ASSERT_EQ(listen(server.get(), 1), 0);
  const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(client.get(), at, address.size), 0);
  Fd accepted(accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(accepted.valid());
  EXPECT_FALSE(IsFree(address));
  accepted = Fd();
  server = Fd();
  EXPECT_TRUE(IsFree(address));
}

TEST_F(ServersTest, WhatItSaysBeforeItIsReadyIsLoggedUpToARate) {
  Use({"environment", "shout", "100000"});
  ASSERT_TRUE(UntilUp());  // it answers when it has written all
  EXPECT_THAT(Log(), HasSubstr("lines were left out)"));
  EXPECT_THAT(Log(), HasSubstr("server of rack says: KEPT=1"));
  EXPECT_THAT(Log(), HasSubstr("says: line with a number of words"));
  EXPECT_LT(std::filesystem::file_size(log_), 100'000u);
}

TEST_F(ServersTest, OneThatIgnoresTheSignalIsKilledAfterTheGrace) {
  Use({"stubborn"});
  ASSERT_TRUE(UntilUp());
  const pid_t pid = report_.pid;
  servers().StopAll(std::chrono::milliseconds(300), Now());
  ASSERT_TRUE(Until([&] { return servers_->empty(); }));
  EXPECT_FALSE(IsRunning(pid));
  EXPECT_THAT(Log(), HasSubstr("it ended: signal 9 (KILL)"));
}

TEST_F(ServersTest, NothingThatItStartedIsLeft) {
  Use({"script", "worker", folder_ + "/worker"});
  ASSERT_TRUE(UntilUp());
  ASSERT_TRUE(Until([&] { return PidIn("worker") > 0; }));
  const pid_t worker = PidIn("worker");
  EXPECT_TRUE(IsRunning(worker));
  servers().StopAll(std::chrono::milliseconds(300), Now());
  ASSERT_TRUE(Until([&] { return servers_->empty(); }));
  EXPECT_FALSE(IsRunning(worker));
}

TEST_F(ServersTest, NothingIsLeftOfOneThatDiedByItselfEither) {
  Use({"worker", folder_ + "/worker"});
  ASSERT_TRUE(UntilUp());
  ASSERT_TRUE(Until([&] { return PidIn("worker") > 0; }));
  const pid_t worker = PidIn("worker");
  kill(report_.pid, SIGKILL);
  ASSERT_TRUE(Until([&] { return report_.restarts == 1; }));
  EXPECT_FALSE(IsRunning(worker));
}

TEST_F(ServersTest, NothingIsLeftWhenTheLauncherIsKilled) {
  const auto line = MakePipe();
  const pid_t launcher = fork();
  if (launcher == 0) {
    Use({"worker", folder_ + "/worker"});
    if (!UntilUp() || !Until([&] { return PidIn("worker") > 0; })) _exit(1);
    const std::string text = fmt::format("{} {}", report_.pid, PidIn("worker"));
    [[maybe_unused]] const ssize_t n = write(line->write.get(), text.data(), text.size());
    raise(SIGKILL);
  }
  std::array<char, 64> buffer{};
  ASSERT_GT(read(line->read.get(), buffer.data(), buffer.size() - 1), 0);
  pid_t server = 0;
  pid_t worker = 0;
  ASSERT_EQ(std::sscanf(buffer.data(), "%d %d", &server, &worker), 2);
  waitpid(launcher, nullptr, 0);
  // Nobody's children here: their end has no event that this process could wait for.
  const MonotonicTime give_up = SystemClock().Now() + kPatience;
  while ((IsRunning(server) || IsRunning(worker)) && SystemClock().Now() < give_up) {
    poll(nullptr, 0, 20);
  }
  EXPECT_FALSE(IsRunning(server));
  EXPECT_FALSE(IsRunning(worker));
}

TEST_F(ServersTest, AChangedCommandStartsItAgainAndTheSameLeavesItAlone) {
  Use({});
  ASSERT_TRUE(UntilUp());
  const pid_t first = report_.pid;
  Use({});
  servers().Turn(Now());
  EXPECT_TRUE(IsRunning(first));
  servers().Use({Spec({"stubborn"}, /*fingerprint=*/2)}, Now());
  EXPECT_TRUE(servers().Reports(Now()).empty());  // nothing can be said of the new one yet
  ASSERT_TRUE(Until([&] { return report_.fingerprint == 2 && report_.state == ServerState::kUp; }));
  EXPECT_FALSE(IsRunning(first));
  EXPECT_EQ(report_.restarts, 0u);
}

TEST_F(ServersTest, ARemovedOneEnds) {
  Use({});
  ASSERT_TRUE(UntilUp());
  const pid_t pid = report_.pid;
  servers().Use({}, Now());
  ASSERT_TRUE(Until([&] { return servers_->empty(); }));
  EXPECT_FALSE(IsRunning(pid));
}

TEST_F(ServersTest, AChangedCommandDoesNotWaitForTheBackOffOfTheOldOne) {
  Use({"exit", "3"});
  ASSERT_TRUE(UntilState(ServerState::kFailed));
  servers().Use({Spec({}, /*fingerprint=*/2)}, Now());
  ASSERT_TRUE(UntilUp());
  EXPECT_EQ(report_.fingerprint, 2u);
}

TEST(HealthCheck, OnlyLoopbackIsAsked) {
  EXPECT_TRUE(LoopbackAddressOf("127.0.0.1", 80));
  EXPECT_TRUE(LoopbackAddressOf("127.9.9.9", 80));
  EXPECT_TRUE(LoopbackAddressOf("::1", 80));
  for (const char* other : {"10.0.0.1", "8.8.8.8", "::", "::2", "fe80::1", "localhost", ""}) {
    EXPECT_FALSE(LoopbackAddressOf(other, 80)) << other;
  }
}

}  // namespace
}  // namespace weir
