// A launcher in a forked child over fakes/fake_gateway and fakes/fake_engine, for its tests. The
// test commands the fake gateway through a socket of its own and hears from it what the launcher
// said.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
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
#include "supervisor/launcher.h"

namespace weir {

using testing::HasSubstr;
using testing::StartsWith;

inline constexpr int kPatienceMs = 20'000;

inline bool Readable(int fd, int timeout_ms = kPatienceMs) {
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
    configuration_ = CopyOf("first");
    options_.gateway.configuration = configuration_.get();
    options_.door.program = FAKE_ENGINE;
    // What the configuration says, as the launcher's process finds it.
    options_.read_configuration = [this]() -> std::expected<Fd, std::vector<std::string>> {
      if (Has("missing")) return std::unexpected(std::vector<std::string>{"no such program"});
      std::ifstream file(folder_ + "/configuration");
      std::string text;
      std::getline(file, text);
      return CopyOf(text);
    };
  }
  static Fd CopyOf(const std::string& text) {
    Fd copy(memfd_create("configuration", MFD_CLOEXEC));
    EXPECT_EQ(write(copy.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return copy;
  }
  void Configure(const std::string& text) const {
    std::ofstream(folder_ + "/configuration") << text << '\n';
  }
  bool Has(const std::string& name) const { return std::filesystem::exists(folder_ + "/" + name); }
  void Touch(const std::string& name) const { std::ofstream(folder_ + "/" + name) << "x"; }
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
  Fd configuration_;
  Fd listener_;
  sockaddr_in address_{};
  LauncherOptions options_;
  Fd output_;
  pid_t launcher_ = 0;
};

}  // namespace weir
