// Stands in for the gateway in launcher_test: connects to the test's socket ($WEIR_TEST_SOCKET),
// says "hello <pid>", obeys the test's commands and reports what the launcher tells it. One packet
// is one line.
//
//   ready ADDRESS..      start ID PATH..     stop ID GRACE_MS    exit CODE
//   accept               takes one connection from the first listening socket and writes "hi" to it
//   garbage              sends the launcher bytes that are no message
//   hang up              closes the control socket and lives on
//   reloaded             says that it took the configuration
//   refused              says that it did not
//   deaf N               sends N requests to start nonsense, and reads no answer
#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "process/fd_passing.h"
#include "wire/control.h"

namespace weir {
namespace {

int test_socket = -1;

void Expect(bool condition, const char* what) {
  if (condition) return;
  fmt::print(stderr, "fake_gateway: {}\n", what);
  _exit(9);
}

void SendBytes(int socket, const std::string& bytes, std::span<const int> descriptors = {}) {
  const auto sent = SendMessage(socket, std::as_bytes(std::span(bytes)), descriptors);
  if (!sent || *sent != SendOutcome::kSent) _exit(8);  // the other side is gone
}
void Tell(const wire::ToLauncher& message) {
  SendBytes(wire::kGatewayControlFd, wire::Encode(message));
}
void Report(const std::string& line, std::span<const int> descriptors = {}) {
  SendBytes(test_socket, line, descriptors);
}

int ConnectToTest() {
  const char* path = std::getenv("WEIR_TEST_SOCKET");
  Expect(path != nullptr, "no WEIR_TEST_SOCKET");
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  Expect(fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
         "connect");
  return fd;
}

std::string TextOf(int file) {
  std::array<char, 64> text;
  const ssize_t got = pread(file, text.data(), text.size(), 0);
  return got < 0 ? "nothing" : std::string(text.data(), static_cast<size_t>(got));
}

void AcceptOne() {
  const Fd accepted(accept4(wire::kGatewayListenFdFirst, nullptr, nullptr, SOCK_CLOEXEC));
  Expect(accepted.valid() && write(accepted.get(), "hi", 2) == 2, "accept");
  Report("accepted");
}

void Obey(const std::string& line) {
  std::istringstream words(line);
  std::string verb, word;
  uint64_t number = 0;
  words >> verb;
  if (verb == "ready") {
    wire::Ready ready;
    while (words >> word) ready.addresses.push_back(word);
    Tell(ready);
  } else if (verb == "start") {
    wire::StartEngine start;
    words >> start.engine;
    while (words >> word) start.files.push_back(word);
    Tell(start);
  } else if (verb == "stop") {
    wire::StopEngine stop;
    words >> stop.engine >> stop.grace_ms;
    Tell(stop);
  } else if (verb == "kill") {
    wire::StopEngine stop{.hangs = true};
    words >> stop.engine;
    Tell(stop);
  } else if (verb == "reloaded") {
    Tell(wire::Reloaded{.taken = true});
  } else if (verb == "refused") {
    Tell(wire::Reloaded{.taken = false});
  } else if (verb == "exit") {
    words >> number;
    _exit(static_cast<int>(number));
  } else if (verb == "accept") {
    AcceptOne();
  } else if (verb == "garbage") {
    SendBytes(wire::kGatewayControlFd, "\xFF\xFF nonsense");
  } else if (verb == "hang") {
    close(wire::kGatewayControlFd);
  } else if (verb == "deaf") {
    words >> number;
    for (uint64_t i = 0; i < number; ++i) Tell(wire::StartEngine{i + 1, {"/nowhere"}});
  } else {
    Expect(false, "an unknown command");
  }
}

struct Reporter {
  std::vector<Fd>& descriptors;
  void operator()(const wire::EngineStarted& m) {
    Expect(descriptors.size() == 1, "EngineStarted without its socket");
    const int socket = descriptors[0].get();
    Report(fmt::format("started {} {}", m.engine, m.pid), std::span(&socket, 1));
  }
  void operator()(const wire::EngineRefused& m) {
    Report(fmt::format("refused {} {} retry={}", m.engine, CodeName(m.code), m.retry_after_ms));
  }
  void operator()(const wire::EngineExited& m) {
    Report(fmt::format("exited {} stopped={} clean={} retry={} {}", m.engine, m.stopped, m.clean,
                       m.retry_after_ms, m.how));
  }
  void operator()(const wire::Drain& m) { Report(fmt::format("drain {}", m.timeout_ms)); }
  void operator()(const wire::Reload&) {
    Expect(descriptors.size() == 1, "Reload without its configuration");
    Report("reload " + TextOf(descriptors[0].get()));
  }
  void operator()(const wire::ServerReport& m) {
    Report(fmt::format("server {} state={} pid={} restarts={} {}", m.backend,
                       static_cast<int>(m.state), m.pid, m.restarts, m.problem));
  }
};

std::string Next(int socket, std::vector<Fd>& descriptors) {
  std::array<std::byte, wire::kControlMessageBytesMax> buffer;
  auto received = ReceiveMessage(socket, buffer, 1);
  Expect(received.has_value(), "receive");
  if (received->outcome == ReceiveOutcome::kClosed) _exit(7);
  descriptors = std::move(received->descriptors);
  return {reinterpret_cast<const char*>(buffer.data()), received->size};
}

int Run() {
  test_socket = ConnectToTest();
  Report(fmt::format("hello {} lock={} configuration={}", getpid(),
                     fcntl(wire::kGatewayLockFd, F_GETFD) >= 0,
                     TextOf(wire::kGatewayConfigurationFd)));
  for (;;) {
    pollfd polled[] = {{wire::kGatewayControlFd, POLLIN, 0}, {test_socket, POLLIN, 0}};
    poll(polled, 2, -1);
    std::vector<Fd> descriptors;
    if ((polled[0].revents & POLLIN) != 0) {
      const auto message =
          wire::Decode<wire::ToGateway>(Next(wire::kGatewayControlFd, descriptors));
      Expect(message.has_value(), "a message that cannot be read");
      std::visit(Reporter{descriptors}, *message);
    }
    if (polled[1].revents != 0) Obey(Next(test_socket, descriptors));
  }
}

}  // namespace
}  // namespace weir

int main() { return weir::Run(); }
