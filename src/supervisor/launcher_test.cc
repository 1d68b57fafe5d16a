// Real processes: the launcher runs in a forked child, over fakes/fake_gateway and
// fakes/fake_engine. The test commands the fake gateway through a socket of its own and hears from
// it what the launcher said.
#include "supervisor/launcher.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "process/fd_passing.h"
#include "process/file_lock.h"
#include "supervisor/fakes/free_port.h"

namespace weir {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr int kPatienceMs = 20'000;

bool Readable(int fd, int timeout_ms = kPatienceMs) {
  pollfd item{fd, POLLIN, 0};
  return poll(&item, 1, timeout_ms) == 1;
}

// One life of the fake gateway.
struct Gateway {
  Fd socket;
  pid_t pid = 0;
  std::string greeting = {};

  void Do(const std::string& command) const {
    ASSERT_TRUE(SendMessage(socket.get(), std::as_bytes(std::span(command)), {}));
  }
  // The next thing it reports; "closed" when it is gone.
  std::string Hear(Fd* descriptor = nullptr) const {
    if (!Readable(socket.get())) return "nothing within the time";
    std::array<std::byte, 4096> buffer;
    auto received = ReceiveMessage(socket.get(), buffer, 1);
    if (!received || received->outcome != ReceiveOutcome::kMessage) return "closed";
    if (descriptor != nullptr && !received->descriptors.empty()) {
      *descriptor = std::move(received->descriptors[0]);
    }
    return {reinterpret_cast<const char*>(buffer.data()), received->size};
  }
};

struct Engine {
  Fd socket;
  pid_t pid = 0;
  std::string Ask(char command, size_t size) const {
    std::string answer(size, '\0');
    if (write(socket.get(), &command, 1) != 1 || !Readable(socket.get())) return "no answer";
    return read(socket.get(), answer.data(), size) == static_cast<ssize_t>(size) ? answer : "short";
  }
};

class LauncherTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/weir_launcher_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    folder_ = pattern;
    model_ = folder_ + "/models/tiny.gguf";
    std::filesystem::create_directory(folder_ + "/models");
    std::ofstream(model_) << "GGUF...";
    OpenTestSocket();
    OpenListener();
    options_.gateway = {.program = FAKE_GATEWAY,
                        .environment = {"WEIR_TEST_SOCKET=" + folder_ + "/test"},
                        .listeners = {listener_.get()}};
    options_.engine = {.program = FAKE_ENGINE, .models_allowed = {folder_ + "/models"}};
    options_.data_folder = folder_;
  }
  void TearDown() override {
    if (launcher_ > 0) {
      kill(launcher_, SIGKILL);
      waitpid(launcher_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  void OpenTestSocket() {
    test_socket_.Reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (folder_ + "/test").c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(test_socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(test_socket_.get(), 8), 0);
  }

  void OpenListener() {
    listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), size), 0);
    ASSERT_EQ(listen(listener_.get(), 16), 0);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
  }
  Fd Connect() const {
    Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int result =
        connect(client.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
    return result == 0 ? std::move(client) : Fd();
  }

  void Launch() {
    auto output = MakePipe();
    options_.output = output->write.get();
    launcher_ = fork();
    if (launcher_ == 0) {
      auto signals = SignalQueue::Open({SIGTERM, SIGINT, SIGHUP});
      _exit(signals ? RunLauncher(options_, *signals, SystemClock()) : 99);
    }
    output_ = std::move(output->read);
  }

  Gateway NextGateway() {
    if (!Readable(test_socket_.get())) return {};
    Gateway gateway{Fd(accept4(test_socket_.get(), nullptr, nullptr, SOCK_CLOEXEC))};
    gateway.greeting = gateway.Hear();
    std::istringstream words(gateway.greeting);
    std::string hello;
    words >> hello >> gateway.pid;
    return gateway;
  }
  Gateway LaunchReady() {
    Launch();
    Gateway gateway = NextGateway();
    gateway.Do("ready http://127.0.0.1:1");
    EXPECT_EQ(Output(), "weir: ready on http://127.0.0.1:1\n");
    return gateway;
  }

  Engine StartEngine(const Gateway& gateway, int id) {
    gateway.Do(fmt::format("start {} {}", id, model_));
    Engine engine;
    const std::string answer = gateway.Hear(&engine.socket);
    EXPECT_THAT(answer, StartsWith(fmt::format("started {} ", id)));
    std::istringstream words(answer);
    std::string verb;
    uint64_t same = 0;
    words >> verb >> same >> engine.pid;
    return engine;
  }

  // What the launcher printed next.
  std::string Output() {
    if (!Readable(output_.get())) return "nothing within the time";
    char text[512];
    const ssize_t n = read(output_.get(), text, sizeof text);
    return {text, n > 0 ? static_cast<size_t>(n) : 0};
  }

  // Waits for the launcher's end; its exit code, or -1.
  int LauncherEnd() {
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, launcher_, 0)));
    if (!Readable(pidfd.get())) return -1;
    int status = 0;
    waitpid(launcher_, &status, 0);
    launcher_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // Two questions and answers: whatever the launcher had begun before the first is done when the
  // second is answered.
  void Settle(const Gateway& gateway) {
    for (int i = 0; i < 2; ++i) {
      gateway.Do("start 999 /nowhere/model");
      EXPECT_THAT(gateway.Hear(), StartsWith("refused 999"));
    }
  }
  size_t LauncherDescriptors() const {
    namespace fs = std::filesystem;
    return static_cast<size_t>(std::distance(
        fs::directory_iterator(fmt::format("/proc/{}/fd", launcher_)), fs::directory_iterator()));
  }
  // All processes whose parent is the launcher, zombies included.
  int LauncherChildren() const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream status(entry.path() / "status");
      for (std::string line; std::getline(status, line);) {
        if (line == fmt::format("PPid:\t{}", launcher_)) ++count;
      }
    }
    return count;
  }
  std::string ServeFile() const {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/serve.json").rdbuf();
    return text.str();
  }

  std::string folder_;
  std::string model_;
  Fd test_socket_;
  Fd listener_;
  sockaddr_in address_{};
  LauncherOptions options_;
  Fd output_;
  pid_t launcher_ = 0;
};

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
  kill(launcher_, SIGHUP);
  EXPECT_EQ(gateway.Hear(), "reload");
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
    // What the configuration says, as the launcher's process finds it.
    options_.load_servers = [this]() -> std::optional<std::vector<ServerSpec>> {
      if (Has("removed")) return std::vector<ServerSpec>{};
      return std::vector{spec_};
    };
    options_.server_problems = [this] {
      return Has("missing") ? std::vector<std::string>{"weir.toml:7: no such program"}
                            : std::vector<std::string>{};
    };
  }
  bool Has(const std::string& name) const { return std::filesystem::exists(folder_ + "/" + name); }
  void Touch(const std::string& name) const { std::ofstream(folder_ + "/" + name) << "x"; }

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
  EXPECT_EQ(gateway.Hear(), "reload");
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
  EXPECT_EQ(gateway.Hear(), "reload");
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
