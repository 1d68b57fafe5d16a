// Real processes; launcher_for_test.h says how.
#include "supervisor/launcher_for_test.h"

namespace weir {
namespace {

TEST_F(LauncherTest, SaysReadyWhenTheGatewayIsAndKeepsServeJsonUntilTheEnd) {
  const Gateway gateway = LaunchReady();
  EXPECT_THAT(ServeFile(), HasSubstr(fmt::format("\"pid\":{}", launcher_)));
  kill(launcher_, SIGTERM);
  EXPECT_EQ(gateway.Hear(), "drain 30000");
  gateway.Do("exit 0");
  EXPECT_EQ(LauncherEnd(), 0);
  EXPECT_EQ(ServeFile(), "");
}

TEST_F(LauncherTest, AnEngineGetsItsModelAndItsSocketAndNothingElse) {
  const Gateway gateway = LaunchReady();
  const Engine engine = StartEngine(gateway, 1);
  EXPECT_EQ(engine.Ask('m', 4), "GGUF");
  EXPECT_EQ(engine.Ask('n', 1), "2");
}

TEST_F(LauncherTest, AnEngineThatDiesIsReportedAndOthersLiveOn) {
  const Gateway gateway = LaunchReady();
  const Engine one = StartEngine(gateway, 1), two = StartEngine(gateway, 2);
  kill(one.pid, SIGKILL);
  EXPECT_EQ(gateway.Hear(), "exited 1 stopped=false clean=false retry=0 signal 9 (KILL)");
  EXPECT_EQ(two.Ask('m', 4), "GGUF");
  EXPECT_EQ(two.Ask('a', 1), "short");
  EXPECT_EQ(gateway.Hear(), "exited 2 stopped=false clean=false retry=0 signal 6 (ABRT)");
}

TEST_F(LauncherTest, AnEngineEndsCleanlyWhenItsSocketIsClosed) {
  const Gateway gateway = LaunchReady();
  {
    const Engine engine = StartEngine(gateway, 1);
  }
  EXPECT_EQ(gateway.Hear(), "exited 1 stopped=false clean=true retry=0 exit code 0");
}

TEST_F(LauncherTest, StopAsksFirstAndKillsAfterTheGrace) {
  const Gateway gateway = LaunchReady();
  const Engine polite = StartEngine(gateway, 1), stubborn = StartEngine(gateway, 2);
  EXPECT_EQ(stubborn.Ask('i', 1), "i");
  gateway.Do("stop 1 60000");
  EXPECT_EQ(gateway.Hear(), "exited 1 stopped=true clean=false retry=0 signal 15 (TERM)");
  gateway.Do("stop 2 50");
  EXPECT_EQ(gateway.Hear(), "exited 2 stopped=true clean=false retry=0 signal 9 (KILL)");
  gateway.Do("stop 2 50");  // already gone: nothing happens
  Settle(gateway);
}

TEST_F(LauncherTest, AnEngineThatHangsIsKilledAtOnceAndCountsAsFailed) {
  options_.engine.restarts = {.restarts_max = 1, .backoff_first = std::chrono::seconds(30)};
  const Gateway gateway = LaunchReady();
  for (int id = 1; id <= 2; ++id) {
    const Engine engine = StartEngine(gateway, id);
    EXPECT_EQ(engine.Ask('i', 1), "i");
    gateway.Do(fmt::format("kill {}", id));
    EXPECT_EQ(gateway.Hear(),
              fmt::format("exited {} stopped=false clean=false retry={} signal 9 (KILL)", id,
                          id == 2 ? 30'000 : 0));
  }
  gateway.Do(fmt::format("start 3 {}", model_));
  EXPECT_EQ(gateway.Hear(), "refused 3 unavailable retry=30000");
}

TEST_F(LauncherTest, AnEngineThatEndsByItselfFailedHoweverPoliteItWas) {
  options_.engine.restarts = {.restarts_max = 0, .backoff_first = std::chrono::seconds(30)};
  const Gateway gateway = LaunchReady();
  {
    const Engine engine = StartEngine(gateway, 1);
  }
  EXPECT_EQ(gateway.Hear(), "exited 1 stopped=false clean=true retry=30000 exit code 0");
}

TEST_F(LauncherTest, AModelWhoseEngineKeepsFailingIsRefusedForAWhile) {
  options_.engine.restarts = {.restarts_max = 2, .backoff_first = std::chrono::seconds(30)};
  const Gateway gateway = LaunchReady();
  for (int id = 1; id <= 3; ++id) {
    const Engine engine = StartEngine(gateway, id);
    EXPECT_EQ(engine.Ask('x', 1), "short");
    EXPECT_EQ(gateway.Hear(),
              fmt::format("exited {} stopped=false clean=false retry={} exit code 3", id,
                          id == 3 ? 30'000 : 0));
  }
  gateway.Do(fmt::format("start 4 {}", model_));
  EXPECT_EQ(gateway.Hear(), "refused 4 unavailable retry=30000");
}

TEST_F(LauncherTest, RefusesWhatTheGatewayMayNotHave) {
  options_.engine.engines_max = 1;
  const Gateway gateway = LaunchReady();
  std::ofstream(folder_ + "/secret") << "key";
  gateway.Do(fmt::format("start 1 {}/secret", folder_));
  EXPECT_EQ(gateway.Hear(), "refused 1 forbidden retry=0");
  gateway.Do(fmt::format("start 1 {}/models/../secret", folder_));
  EXPECT_EQ(gateway.Hear(), "refused 1 forbidden retry=0");
  gateway.Do(fmt::format("start 1 {} {}/secret", model_, folder_));
  EXPECT_EQ(gateway.Hear(), "refused 1 forbidden retry=0") << "every file counts";
  gateway.Do("start 1");
  EXPECT_EQ(gateway.Hear(), "refused 1 invalid_argument retry=0");
  const Engine engine = StartEngine(gateway, 1);
  gateway.Do(fmt::format("start 1 {}", model_));
  EXPECT_EQ(gateway.Hear(), "refused 1 conflict retry=0");
  gateway.Do(fmt::format("start 2 {}", model_));
  EXPECT_EQ(gateway.Hear(), "refused 2 rate_limited retry=0");
}

TEST_F(LauncherTest, AKilledGatewayComesBackOnTheSameListeningSocket) {
  const Gateway first = LaunchReady();
  const Engine engine = StartEngine(first, 1);
  const Fd before = Connect();
  first.Do("accept");
  EXPECT_EQ(first.Hear(), "accepted");
  kill(first.pid, SIGKILL);
  const Fd meanwhile = Connect();
  EXPECT_TRUE(meanwhile.valid()) << "connection refused";
  const Gateway second = NextGateway();
  EXPECT_NE(second.pid, first.pid);
  second.Do("ready http://127.0.0.1:1");
  second.Do("accept");
  EXPECT_EQ(second.Hear(), "accepted");
  char text[2];
  EXPECT_EQ(recv(meanwhile.get(), text, 2, MSG_WAITALL), 2);
  ASSERT_TRUE(Readable(engine.socket.get()));
  EXPECT_EQ(read(engine.socket.get(), text, 1), 0) << "the engine outlived its gateway";
  StartEngine(second, 1);  // the id is free again
}

TEST_F(LauncherTest, GivesUpOnAGatewayThatKeepsDying) {
  options_.gateway_restarts = {.restarts_max = 2, .backoffs_max = 0};
  Gateway gateway = LaunchReady();
  for (int i = 0; i < 2; ++i) {
    kill(gateway.pid, SIGKILL);
    gateway = NextGateway();
    ASSERT_NE(gateway.pid, 0);
  }
  kill(gateway.pid, SIGKILL);
  EXPECT_EQ(LauncherEnd(), 1);
  EXPECT_EQ(ServeFile(), "");
}

TEST_F(LauncherTest, AGatewayThatExitsBeforeItWasReadyEndsTheLauncherWithItsCode) {
  Launch();
  NextGateway().Do("exit 2");
  EXPECT_EQ(LauncherEnd(), 2);
}

TEST_F(LauncherTest, AMissingGatewayProgramIsExitCodeOne) {
  options_.gateway.program = "/nowhere/weir";
  Launch();
  EXPECT_EQ(LauncherEnd(), 1);
}

TEST_F(LauncherTest, EndsAGatewayThatBreaksTheProtocol) {
  Gateway gateway = LaunchReady();
  gateway.Do("garbage");
  EXPECT_EQ(gateway.Hear(), "closed");
  gateway = NextGateway();
  gateway.Do("ready not\"plain");
  EXPECT_EQ(gateway.Hear(), "closed");
  gateway = NextGateway();
  gateway.Do("stop 1 4000000000");
  EXPECT_EQ(gateway.Hear(), "closed");
  EXPECT_NE(NextGateway().pid, 0);
}

TEST_F(LauncherTest, EndsAGatewayThatDoesNotListen) {
  const Gateway gateway = LaunchReady();
  gateway.Do("deaf 100000");
  EXPECT_EQ(gateway.Hear(), "closed");
  EXPECT_NE(NextGateway().pid, 0);
}

TEST_F(LauncherTest, EndsAGatewayThatHungUp) {
  const Gateway gateway = LaunchReady();
  gateway.Do("hang up");
  EXPECT_EQ(gateway.Hear(), "closed");
  EXPECT_NE(NextGateway().pid, 0);
}

TEST_F(LauncherTest, AHangUpSignalIsAReload) {
  const Gateway gateway = LaunchReady();
  Configure("second");
  kill(launcher_, SIGHUP);
  EXPECT_EQ(gateway.Hear(), "reload second");
}

TEST_F(LauncherTest, WhoIsStartedLaterIsHandedTheConfigurationThatWasTakenLast) {
  // A door's is what a process of it reads behind its socket.
  std::vector<Fd> doors;  // their sockets: without it one ends
  const auto of_door = [&doors](const Gateway& gateway, uint64_t id) {
    gateway.Do(fmt::format("start {}", id));
    std::istringstream words(gateway.Hear(&doors.emplace_back()));
    std::string started, same, pid, text;
    words >> started >> same >> pid;
    std::getline(std::ifstream(fmt::format("/proc/{}/fd/{}", pid, wire::kDoorConfigurationFd)),
                 text);
    return text;
  };
  Gateway gateway = LaunchReady();
  EXPECT_THAT(gateway.greeting, HasSubstr("configuration=first"));
  Configure("broken");
  kill(launcher_, SIGHUP);
  EXPECT_EQ(gateway.Hear(), "reload broken");
  gateway.Do("refused");
  EXPECT_EQ(of_door(gateway, wire::kDoorIdFirst), "first");
  kill(gateway.pid, SIGKILL);
  gateway = NextGateway();
  EXPECT_THAT(gateway.greeting, HasSubstr("configuration=first"));
  gateway.Do("ready http://127.0.0.1:1");
  Configure("third");
  kill(launcher_, SIGHUP);
  EXPECT_EQ(gateway.Hear(), "reload third");
  gateway.Do("reloaded");
  EXPECT_EQ(of_door(gateway, wire::kDoorIdFirst + 1), "third");
  // One that nobody answered any more is not in force.
  Configure("fourth");
  kill(launcher_, SIGHUP);
  EXPECT_EQ(gateway.Hear(), "reload fourth");
  kill(gateway.pid, SIGKILL);
  EXPECT_THAT(NextGateway().greeting, HasSubstr("configuration=third"));
}

TEST_F(LauncherTest, EndsAGatewayThatTookAConfigurationOfNobody) {
  const Gateway gateway = LaunchReady();
  gateway.Do("reloaded");
  EXPECT_EQ(gateway.Hear(), "closed");
  EXPECT_NE(NextGateway().pid, 0);
}

TEST_F(LauncherTest, AnOrderedEndKeepsEnginesUntilTheGatewayHasGone) {
  const Gateway gateway = LaunchReady();
  const Engine engine = StartEngine(gateway, 1);
  kill(launcher_, SIGTERM);
  EXPECT_EQ(gateway.Hear(), "drain 30000");
  EXPECT_EQ(engine.Ask('m', 4), "GGUF") << "running streams need their engine";
  gateway.Do("exit 0");
  EXPECT_EQ(LauncherEnd(), 0);
  EXPECT_EQ(kill(engine.pid, 0), -1);
}

TEST_F(LauncherTest, ADrainThatTakesTooLongIsEnded) {
  options_.drain_timeout = std::chrono::milliseconds(20);
  options_.drain_margin = std::chrono::milliseconds(20);
  const Gateway gateway = LaunchReady();
  kill(launcher_, SIGTERM);
  EXPECT_EQ(gateway.Hear(), "drain 20");
  EXPECT_EQ(LauncherEnd(), 1);
  EXPECT_EQ(kill(gateway.pid, 0), -1);
}

TEST_F(LauncherTest, ASecondSignalEndsItAtOnce) {
  options_.drain_timeout = std::chrono::hours(1);
  const Gateway gateway = LaunchReady();
  kill(launcher_, SIGINT);
  EXPECT_EQ(gateway.Hear(), "drain 3600000");
  kill(launcher_, SIGINT);
  EXPECT_EQ(LauncherEnd(), 1);
}

TEST_F(LauncherTest, AKilledLauncherTakesEverybodyAlong) {
  const Gateway gateway = LaunchReady();
  const Engine engine = StartEngine(gateway, 1);
  kill(launcher_, SIGKILL);
  EXPECT_EQ(gateway.Hear(), "closed");
  char byte;
  ASSERT_TRUE(Readable(engine.socket.get()));
  EXPECT_EQ(read(engine.socket.get(), &byte, 1), 0);
}

class LauncherServerTest : public LauncherTest {
 protected:
  void SetUp() override {
    LauncherTest::SetUp();
    const uint16_t port = FreePort();
    spec_ = {.backend = "rack",
             .program = FAKE_SERVER,
             .arguments = {std::to_string(port)},
             .addresses = {*LoopbackAddressOf("127.0.0.1", port)},
             .host = fmt::format("127.0.0.1:{}", port),
             .health = "/health",
             .fingerprint = 1};
    options_.servers = {.program = FAKE_WARDEN, .grace = std::chrono::seconds(5)};
    options_.load_servers = [this](int) -> std::optional<std::vector<ServerSpec>> {
      if (Has("removed")) return std::vector<ServerSpec>{};
      return std::vector{spec_};
    };
  }

  // The server's process, once it is ready.
  pid_t HearUp(const Gateway& gateway) const {
    for (int i = 0; i < 10; ++i) {
      std::istringstream words(gateway.Hear());
      std::string server, name, state, pid;
      words >> server >> name >> state >> pid;
      if (server == "server" && state == "state=1") return std::stoi(pid.substr(4));
    }
    return 0;
  }

  ServerSpec spec_;
};

TEST_F(LauncherServerTest, AServerOutlivesTheGatewayAndEndsWithTheLauncher) {
  Gateway gateway = LaunchReady();
  const pid_t server = HearUp(gateway);
  ASSERT_GT(server, 0);
  kill(gateway.pid, SIGKILL);
  gateway = NextGateway();
  gateway.Do("ready http://127.0.0.1:1");
  EXPECT_EQ(HearUp(gateway), server);
  const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, server, 0)));
  kill(launcher_, SIGTERM);
  EXPECT_THAT(gateway.Hear(), StartsWith("drain"));
  EXPECT_FALSE(Readable(pidfd.get(), 0)) << "the server ended before the gateway";
  gateway.Do("exit 0");
  EXPECT_EQ(LauncherEnd(), 0);
  EXPECT_TRUE(Readable(pidfd.get(), 0));
}

TEST_F(LauncherServerTest, AReloadThatTheGatewayTookIsTheServersToo) {
  const Gateway gateway = LaunchReady();
  const pid_t server = HearUp(gateway);
  ASSERT_GT(server, 0);
  const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, server, 0)));
  Touch("removed");
  kill(launcher_, SIGHUP);
  EXPECT_THAT(gateway.Hear(), StartsWith("reload"));
  EXPECT_FALSE(Readable(pidfd.get(), 0));
  gateway.Do("reloaded");
  EXPECT_TRUE(Readable(pidfd.get()));
}

TEST_F(LauncherServerTest, AReloadWithAProgramThatIsNotThereIsRefused) {
  const Gateway gateway = LaunchReady();
  ASSERT_GT(HearUp(gateway), 0);
  Touch("missing");
  kill(launcher_, SIGHUP);
  EXPECT_FALSE(Readable(gateway.socket.get(), 300));
  std::filesystem::remove(folder_ + "/missing");
  kill(launcher_, SIGHUP);
  EXPECT_THAT(gateway.Hear(), StartsWith("reload"));
}

TEST_F(LauncherTest, TheGatewaysTemporaryFilesGoIntoTheDataFolder) {
  Launch();
  const Gateway gateway = NextGateway();
  std::ifstream environment(fmt::format("/proc/{}/environ", gateway.pid));
  std::string all{std::istreambuf_iterator<char>(environment), {}};
  EXPECT_THAT(all, HasSubstr("TMPDIR=" + folder_));
}

TEST_F(LauncherTest, TheGatewayHoldsTheFolderLockToo) {
  auto lock = FileLock::Acquire(folder_);
  options_.gateway.lock = lock->fd();
  Launch();
  const Gateway gateway = NextGateway();
  EXPECT_THAT(gateway.greeting, HasSubstr("lock=true"));
}

// make test-long asks for 1,000.
int Kills() {
  const char* count = std::getenv("WEIR_KILLS");
  return count == nullptr ? 20 : std::atoi(count);
}

TEST_F(LauncherTest, ManyKillsOfEachLeaveNothingBehind) {
  options_.engine.restarts = {.restarts_max = Kills() + 1};
  options_.gateway_restarts = {.restarts_max = Kills() + 1};
  Gateway gateway = LaunchReady();
  Settle(gateway);
  const size_t descriptors = LauncherDescriptors();
  for (int id = 1; id <= Kills(); ++id) {
    const Engine engine = StartEngine(gateway, id);
    kill(engine.pid, id % 2 == 0 ? SIGKILL : SIGTERM);
    EXPECT_THAT(gateway.Hear(), StartsWith(fmt::format("exited {} ", id)));
  }
  Settle(gateway);
  EXPECT_EQ(LauncherDescriptors(), descriptors);
  EXPECT_EQ(LauncherChildren(), 1) << "the gateway alone";
  for (int i = 0; i < Kills(); ++i) {
    const Engine engine = StartEngine(gateway, 1);
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, engine.pid, 0)));
    kill(gateway.pid, SIGKILL);
    gateway = NextGateway();
    ASSERT_TRUE(Readable(pidfd.get())) << "an engine outlived its gateway";
  }
  Settle(gateway);
  EXPECT_EQ(LauncherDescriptors(), descriptors);
  EXPECT_EQ(LauncherChildren(), 1);
}

}  // namespace
}  // namespace weir
