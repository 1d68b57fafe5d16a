// Each test forks, lets the child shut itself in, and has it really try.
#include "process/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "process/fd.h"
#include "process/landlock.h"
#include "process/sanitizer.h"
#include "process/socket_pair.h"

namespace weir {
namespace {

using testing::Contains;
using testing::StartsWith;

// What a call came to: "ok", or the name of its errno.
std::string Outcome(long result) {
  const int error = errno;
  return result >= 0 ? "ok" : strerrorname_np(error);
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

long Connect(int fd, uint16_t port) {
  const sockaddr_in address = Loopback(port);
  return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

long FastOpen(int fd, uint16_t port, bool by_sendmsg) {
  sockaddr_in address = Loopback(port);
  char byte = 'x';
  if (!by_sendmsg) {
    return sendto(fd, &byte, 1, MSG_FASTOPEN, reinterpret_cast<sockaddr*>(&address),
                  sizeof address);
  }
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return sendmsg(fd, &message, MSG_FASTOPEN);
}

long OpenAndClose(const std::string& path, int flags) {
  const Fd fd(open(path.c_str(), flags | O_CLOEXEC, 0600));
  return fd.get();
}

struct Listener {
  Fd fd;
  uint16_t port = 0;
};
Listener Listen() {
  Listener listener{Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener.fd.get(), 8), 0);
  getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  listener.port = ntohs(address.sin_port);
  return listener;
}

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/weir_sandbox_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    folder_ = pattern;
    std::filesystem::create_directory(folder_ + "/data");
    std::ofstream(folder_ + "/model.gguf") << "GGUF";
    std::ofstream(folder_ + "/secret") << "other";
    model_ = std::move(*OpenReadOnly(folder_ + "/model.gguf"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SandboxSpec EngineSpec() const { return SandboxSpec::Engine(std::array{model_.get()}); }
  SandboxSpec GatewaySpec() const { return SandboxSpec::Gateway(folder_ + "/data"); }

  // Runs `body` in a child and returns what it returned; "killed" when it did not come to an end.
  static std::string InChild(const std::function<std::string()>& body) {
    auto pipe = MakePipe();
    const pid_t pid = fork();
    if (pid == 0) {
      const std::string answer = body();
      [[maybe_unused]] const ssize_t n = write(pipe->write.get(), answer.data(), answer.size());
      _exit(0);
    }
    pipe->write.Reset();
    std::string answer;
    char part[4096];
    for (ssize_t n = 0; (n = read(pipe->read.get(), part, sizeof part)) > 0;) {
      answer.append(part, static_cast<size_t>(n));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? answer : "killed " + answer;
  }
  static std::string Inside(const SandboxSpec& spec, const std::function<std::string()>& body) {
    return InChild([&] {
      ApplySandbox(spec);
      return body();
    });
  }

  std::string folder_;
  Fd model_;
};

TEST_F(SandboxTest, ReportsTheLevelOfEveryMechanism) {
  const std::string report = InChild([this] {
    std::string lines;
    for (const std::string& line : ApplySandbox(EngineSpec()).ToStrings()) lines += line + "\n";
    return lines;
  });
  EXPECT_THAT(report, testing::HasSubstr("limits full\n"));
  if (kSanitizerBuild) GTEST_SKIP() << "wider by design:\n" << report;
  EXPECT_THAT(report, testing::HasSubstr("privileges full\n"));
  EXPECT_THAT(report, testing::HasSubstr("seccomp full (allow-list, all threads)\n"));
  if (LandlockAbi() >= 6) {
    EXPECT_THAT(report, testing::HasSubstr(fmt::format("landlock full (ABI {})", LandlockAbi())));
  }
}

TEST_F(SandboxTest, ASecondCallSaysThatItCouldNot) {
  const std::string level = InChild([this] {
    ApplySandbox(EngineSpec());
    return std::string(LevelName(ApplySandbox(EngineSpec()).Level()));
  });
  EXPECT_EQ(level, "none");
}

TEST_F(SandboxTest, NeitherProfileReachesTheNetwork) {
  const Listener listener = Listen();
  for (const SandboxSpec& spec : {EngineSpec(), GatewaySpec()}) {
    const Fd unconnected(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Fd datagram(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(Inside(spec, [&] { return Outcome(socket(AF_INET, SOCK_STREAM, 0)); }), "EPERM");
    EXPECT_EQ(Inside(spec, [&] { return Outcome(socket(AF_UNIX, SOCK_STREAM, 0)); }), "EPERM");
    EXPECT_EQ(Inside(spec, [&] { return Outcome(Connect(unconnected.get(), listener.port)); }),
              "EPERM");
    EXPECT_EQ(Inside(spec, [&] { return Outcome(Connect(datagram.get(), listener.port)); }),
              "EPERM");
    EXPECT_EQ(Inside(spec,
                     [&] {
                       const sockaddr_in any = Loopback(0);
                       return Outcome(bind(unconnected.get(),
                                           reinterpret_cast<const sockaddr*>(&any), sizeof any));
                     }),
              "EPERM");
  }
}

// No GPU is needed: what a driver may is wider, what nobody may stays shut.
TEST_F(SandboxTest, DriversOfGpusMakeCodeAndConnectNowhere) {
  const SandboxSpec spec = SandboxSpec::Engine(std::array{model_.get()}, /*drivers=*/true);
  const Listener listener = Listen();
  const Fd unconnected(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(Inside(spec, [&] { return Outcome(Connect(unconnected.get(), listener.port)); }),
            "EPERM");
  EXPECT_EQ(Inside(spec, [&] { return Outcome(socket(AF_INET, SOCK_STREAM, 0)); }), "EPERM");
  EXPECT_EQ(Inside(spec, [&] { return Outcome(socket(AF_UNIX, SOCK_STREAM, 0)); }), "EPERM");
  EXPECT_EQ(Inside(spec, [] { return Outcome(execl("/bin/true", "true", nullptr)); }), "EPERM");
  EXPECT_EQ(Inside(spec,
                   [] {
                     void* code = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                     return Outcome(code == MAP_FAILED ? -1 : 0);
                   }),
            "ok");
  EXPECT_EQ(Inside(spec, [] { return Outcome(OpenAndClose("/usr/bin/env", O_RDONLY)); }), "ok");
  if (LandlockAbi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose(folder_ + "/secret", O_RDONLY)); }),
            "EACCES");
  EXPECT_EQ(
      Inside(spec, [&] { return Outcome(OpenAndClose(folder_ + "/new", O_CREAT | O_WRONLY)); }),
      "EACCES");
  const std::string parent = fmt::format("/proc/{}/environ", getpid());
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose(parent, O_RDONLY)); }), "EACCES");
}

TEST_F(SandboxTest, TheDevicesOfASpecMayBeDriven) {
  if (LandlockAbi() < 5) GTEST_SKIP() << "this kernel's Landlock does not know devices";
  SandboxSpec spec = SandboxSpec::Engine(std::array{model_.get()}, /*drivers=*/true);
  // Stands for a GPU: a device of everybody's with an ioctl of its own.
  const auto ask = [] {
    const Fd device(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    int number = 0;
    return Outcome(device.valid() ? ioctl(device.get(), TIOCGPTN, &number) : -1);
  };
  if (InChild(ask) != "ok") GTEST_SKIP() << "there is no terminal device here";
  EXPECT_EQ(Inside(spec, ask), "EACCES");
  spec.devices.emplace_back("/dev/ptmx");
  spec.devices.emplace_back("/dev/pts");
  EXPECT_EQ(Inside(spec, ask), "ok");
}

TEST_F(SandboxTest, TheEgressProfileConnectsAndDoesNothingElse) {
  const Listener listener = Listen();
  const SandboxSpec spec = SandboxSpec::Egress();
  EXPECT_EQ(Inside(spec,
                   [&] {
                     const Fd made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
                     return Outcome(Connect(made.get(), listener.port));
                   }),
            "ok");
  for (const int domain : {AF_UNIX, AF_NETLINK, AF_PACKET}) {
    EXPECT_EQ(Inside(spec, [&] { return Outcome(socket(domain, SOCK_DGRAM, 0)); }), "EPERM");
  }
  EXPECT_EQ(Inside(spec, [&] { return Outcome(socket(AF_INET, SOCK_RAW, 0)); }), "EPERM");
  const Fd unconnected(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(Inside(spec,
                   [&] {
                     const sockaddr_in any = Loopback(0);
                     return Outcome(bind(unconnected.get(), reinterpret_cast<const sockaddr*>(&any),
                                         sizeof any));
                   }),
            "EPERM");
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose(folder_ + "/secret", O_RDONLY)); }),
            "EACCES");
  EXPECT_EQ(
      Inside(spec, [&] { return Outcome(OpenAndClose(folder_ + "/new", O_WRONLY | O_CREAT)); }),
      "EPERM");
}

// Fast Open turns a send into a connect, and a listening socket that was shut down is as good as a
// new one.
TEST_F(SandboxTest, FastOpenIsNoWayAroundConnect) {
  const Listener target = Listen();
  for (const bool by_sendmsg : {false, true}) {
    const Listener one = Listen(), two = Listen();
    const auto attempt = [&](const Listener& inherited) {
      shutdown(inherited.fd.get(), SHUT_RDWR);
      return Outcome(FastOpen(inherited.fd.get(), target.port, by_sendmsg));
    };
    EXPECT_EQ(Inside(GatewaySpec(), [&] { return attempt(one); }), "EPERM");
    const std::string unconfined = InChild([&] { return attempt(two); });
    if (unconfined != "ok") GTEST_SKIP() << "no Fast Open on this machine: " << unconfined;
  }
}

TEST_F(SandboxTest, NeitherProfileRunsOrTracesOrSignalsAnything) {
  for (const SandboxSpec& spec : {EngineSpec(), GatewaySpec()}) {
    EXPECT_EQ(Inside(spec,
                     [] {
                       char program[] = "/bin/true";
                       char* argv[] = {program, nullptr};
                       return Outcome(execve(program, argv, nullptr));
                     }),
              "EPERM");
    EXPECT_EQ(Inside(spec, [] { return Outcome(syscall(SYS_mount, "a", "/", "b", 0, nullptr)); }),
              "EPERM");
    EXPECT_EQ(Inside(spec, [] { return Outcome(syscall(SYS_io_uring_setup, 8, nullptr)); }),
              "EPERM");
    EXPECT_EQ(Inside(spec, [] { return Outcome(syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }), "EPERM");
    EXPECT_EQ(Inside(spec, [] { return Outcome(syscall(SYS_bpf, 0, nullptr, 0)); }), "EPERM");
    EXPECT_EQ(Inside(spec, [] { return Outcome(syscall(SYS_userfaultfd, 0)); }), "EPERM");
    EXPECT_EQ(Inside(spec, [] { return Outcome(syscall(SYS_perf_event_open, 0, 0, 0, 0, 0)); }),
              "EPERM");
    EXPECT_EQ(Inside(spec, [] { return Outcome(syscall(SYS_unshare, 0)); }), "EPERM");
    // The signal scope of Landlock holds even where a sanitizer build lets kill() through.
    EXPECT_EQ(Inside(spec, [] { return Outcome(kill(getppid(), 0)); }), "EPERM");
    if (kSanitizerBuild) continue;
    EXPECT_EQ(Inside(spec, [] { return Outcome(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }),
              "EPERM");
    EXPECT_EQ(Inside(spec, [] { return Outcome(fork()); }), "EPERM");
    EXPECT_EQ(Inside(spec,
                     [] {
                       void* page = mmap(nullptr, 4096, PROT_READ | PROT_EXEC,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                       return Outcome(page == MAP_FAILED ? -1 : 0);
                     }),
              "EPERM");
  }
}

TEST_F(SandboxTest, TheEngineReadsItsModelAndNothingElse) {
  const SandboxSpec spec = EngineSpec();
  const std::string model = folder_ + "/model.gguf";
  const std::string by_number = fmt::format("/proc/self/fd/{}", model_.get());
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose(model, O_RDONLY)); }), "ok");
  EXPECT_EQ(Inside(spec,
                   [&] {
                     const Fd again(open(by_number.c_str(), O_RDONLY | O_CLOEXEC));
                     char magic[4] = {};
                     if (read(again.get(), magic, 4) != 4) return Outcome(-1);
                     return std::string(magic, 4);
                   }),
            "GGUF");
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose(model, O_RDWR)); }), "EPERM");
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose("/tmp/new", O_WRONLY | O_CREAT)); }),
            "EPERM");
  if (LandlockAbi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose(folder_ + "/secret", O_RDONLY)); }),
            "EACCES");
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose("/etc/passwd", O_RDONLY)); }), "EACCES");
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose(folder_, O_RDONLY | O_DIRECTORY)); }),
            "EACCES");
}

TEST_F(SandboxTest, TheEngineStillComputesAndTalks) {
  auto pair = MakeStreamPair();
  const std::string answer = Inside(EngineSpec(), [&] {
    std::string got;
    std::thread worker([&] {
      std::string big(8 << 20, 'x');  // a fresh mapping
      char byte = 0;
      if (recv(pair->theirs.get(), &byte, 1, 0) == 1 && big[1000] == 'x') got = byte;
    });
    if (send(pair->ours.get(), "y", 1, MSG_NOSIGNAL) != 1) return Outcome(-1);
    worker.join();
    return got;
  });
  EXPECT_EQ(answer, "y");
}

TEST_F(SandboxTest, TheGatewayWritesInItsFolderAlone) {
  const SandboxSpec spec = GatewaySpec();
  const std::string work = Inside(spec, [&] {
    const std::string a = folder_ + "/data/weir.db", b = folder_ + "/data/sub/renamed.db";
    Fd fd(open(a.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (pwrite(fd.get(), "data", 4, 0) != 4) return "write " + Outcome(-1);
    if (fdatasync(fd.get()) != 0) return "sync " + Outcome(-1);
    struct flock whole{};
    whole.l_type = F_WRLCK;
    if (fcntl(fd.get(), F_SETLK, &whole) != 0) return "lock " + Outcome(-1);
    void* shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (shared == MAP_FAILED) return "map " + Outcome(-1);
    if (mkdir((folder_ + "/data/sub").c_str(), 0700) != 0) return "mkdir " + Outcome(-1);
    if (rename(a.c_str(), b.c_str()) != 0) return "rename " + Outcome(-1);
    if (truncate(b.c_str(), 0) != 0) return "truncate " + Outcome(-1);
    return Outcome(unlink(b.c_str()));
  });
  EXPECT_EQ(work, "ok");
  if (LandlockAbi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(Inside(spec, [&] { return Outcome(OpenAndClose(folder_ + "/secret", O_RDONLY)); }),
            "EACCES");
  EXPECT_EQ(
      Inside(spec, [&] { return Outcome(OpenAndClose(folder_ + "/new", O_WRONLY | O_CREAT)); }),
      "EACCES");
  EXPECT_EQ(Inside(spec, [&] { return Outcome(unlink((folder_ + "/secret").c_str())); }), "EACCES");
}

TEST_F(SandboxTest, TheGatewayAcceptsOnAnInheritedSocket) {
  const Listener listener = Listen();
  const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(Connect(client.get(), listener.port), 0);
  const std::string answer = Inside(GatewaySpec(), [&] {
    const Fd accepted(accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!accepted.valid()) return "accept " + Outcome(-1);
    const int one = 1;
    if (setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) {
      return "nodelay " + Outcome(-1);
    }
    if (setsockopt(accepted.get(), IPPROTO_TCP, TCP_REPAIR, &one, sizeof one) == 0) {
      return std::string("TCP_REPAIR went through");
    }
    return Outcome(send(accepted.get(), "hi", 2, MSG_NOSIGNAL));
  });
  EXPECT_EQ(answer, "ok");
  char text[2];
  EXPECT_EQ(recv(client.get(), text, 2, MSG_WAITALL), 2);
}

TEST_F(SandboxTest, CoversThreadsThatRanBefore) {
  auto go = MakePipe();
  const std::string answer = InChild([&] {
    std::string outcome;
    std::thread early([&] {
      char byte;
      if (read(go->read.get(), &byte, 1) == 1) outcome = Outcome(socket(AF_INET, SOCK_STREAM, 0));
    });
    const SandboxReport report = ApplySandbox(EngineSpec());
    if (write(go->write.get(), "x", 1) != 1) return Outcome(-1);
    early.join();
    return outcome + " " + report.mechanisms[2].ToString();
  });
  EXPECT_THAT(answer, StartsWith("EPERM "));
  if (LandlockAbi() > 0 && LandlockAbi() < 8) {
    EXPECT_THAT(answer, testing::HasSubstr("ran already are not covered"));
  }
}

TEST_F(SandboxTest, AbortStillEndsTheProcessWithItsSignal) {
  if (kSanitizerBuild) GTEST_SKIP() << "the runtime takes the signal";
  const pid_t pid = fork();
  if (pid == 0) {
    ApplySandbox(EngineSpec());
    std::abort();
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
}

TEST_F(SandboxTest, LimitsHold) {
  SandboxSpec spec = EngineSpec();
  spec.descriptors_max = 64;
  EXPECT_EQ(Inside(spec,
                   [] {
                     rlimit core{}, files{};
                     getrlimit(RLIMIT_CORE, &core);
                     getrlimit(RLIMIT_NOFILE, &files);
                     return fmt::format("{} {}", core.rlim_max, files.rlim_max);
                   }),
            "0 64");
}

}  // namespace
}  // namespace weir
