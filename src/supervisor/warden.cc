#include "supervisor/warden.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <set>
#include <string_view>

#include "process/child.h"
#include "process/fd.h"
#include "process/fd_passing.h"
#include "process/signals.h"

namespace weir {
namespace {

constexpr int kFailed = 127;
constexpr int kOutOfMemoryScore = 500;  // as engines: it shall go, not the gateway
constexpr size_t kLineBytesMax = 2048;

// Of a line of /proc/N/stat, whose second field may hold anything in parentheses.
std::optional<pid_t> ParentIn(std::string_view stat) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || name_end + 4 >= stat.size()) return std::nullopt;
  const std::string_view parent = stat.substr(name_end + 4);  // ") S 123"
  pid_t pid = 0;
  std::from_chars(parent.data(), parent.data() + parent.size(), pid);
  return pid;
}

std::vector<pid_t> ChildrenOfThis() {
  std::vector<pid_t> children;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return children;
  while (const dirent* entry = readdir(folder)) {
    const int pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    const Fd file(open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 512> buffer;
    const ssize_t got = file.valid() ? read(file.get(), buffer.data(), buffer.size()) : -1;
    if (got > 0 && ParentIn({buffer.data(), static_cast<size_t>(got)}) == getpid()) {
      children.push_back(pid);
    }
  }
  closedir(folder);
  return children;
}

// Nobody else reaps them, so no id can have become somebody else's.
void KillAllChildren() {
  for (;;) {
    for (const pid_t pid : ChildrenOfThis()) kill(pid, SIGKILL);
    if (waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) return;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

// How this process ends tells the launcher how the server did.
[[noreturn]] void EndLike(const ChildEnd& end) {
  if (!end.by_signal) _exit(end.code);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  std::signal(end.code, SIG_DFL);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_UNBLOCK, &all, nullptr);
  raise(end.code);
  _exit(kFailed);
}

class Warden {
 public:
  explicit Warden(SignalQueue signals) : signals_(std::move(signals)) {}

  [[noreturn]] void Run(const std::vector<std::string>& words) {
    ChildSpec spec{.program = words.front(), .arguments = {words.begin() + 1, words.end()}};
    for (char** entry = environ; *entry != nullptr; ++entry) spec.environment.emplace_back(*entry);
    spec.descriptors = {{STDOUT_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
    spec.out_of_memory_score = kOutOfMemoryScore;
    auto server = Child::Spawn(spec);
    if (!server) {
      Say("failed " + server.error().message);
      _exit(kFailed);
    }
    Say(fmt::format("pid {}", server->pid()));
    while (!IsOver(*server)) {
      Wait(*server);
      TakeSignals(*server);
      TakeLine(*server);
    }
    server->Kill(SIGKILL);
    const ChildEnd end = server->Wait();
    KillAllChildren();
    EndLike(end);
  }

 private:
  static void Say(const std::string& text) {
    [[maybe_unused]] const auto sent =
        SendMessage(kWardenLineFd,
                    std::as_bytes(std::span(text).first(std::min(text.size(), kLineBytesMax))), {});
  }

  // One that ended by itself leaves nothing behind; one that was asked to may have children that
  // are not done yet.
  bool IsOver(Child& server) {
    if (stop_at_ && SystemClock().Now() >= *stop_at_) return true;
    if (!server.TryWait()) return false;
    if (!stop_at_) return true;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    return !AskTheRest(server.pid());
  }

  // Those that left the server's group have not heard of the end yet. False when there are none.
  bool AskTheRest(pid_t group) {
    const std::vector<pid_t> children = ChildrenOfThis();
    for (const pid_t pid : children) {
      if (getpgid(pid) != group && asked_.insert(pid).second) kill(pid, SIGTERM);
    }
    return !children.empty();
  }

  void Wait(Child& server) {
    std::vector<pollfd> polled = {{signals_.poll_fd(), POLLIN, 0}};
    if (!orphan_) polled.push_back({kWardenLineFd, POLLIN, 0});
    if (!server.TryWait()) polled.push_back({server.poll_fd(), POLLIN, 0});
    int timeout_ms = -1;
    if (stop_at_) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*stop_at_ - SystemClock().Now());
      timeout_ms = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
    }
    poll(polled.data(), polled.size(), timeout_ms);
  }

  void TakeSignals(Child& server) {
    while (const auto signal = signals_.Next()) {
      if (*signal != SIGCHLD) Stop(server, kOrphanGrace);
      // Children that came here when their parent ended, and ended themselves. The server's own end
      // is waited for elsewhere.
      siginfo_t info{};
      while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 &&
             info.si_pid != server.pid()) {
        waitpid(info.si_pid, nullptr, WNOHANG);
        info = {};
      }
    }
  }

  void TakeLine(Child& server) {
    while (!orphan_) {
      std::array<std::byte, 64> buffer;
      const auto received = ReceiveMessage(kWardenLineFd, buffer, 0);
      if (received && received->outcome == ReceiveOutcome::kNothingYet) return;
      if (!received || received->outcome == ReceiveOutcome::kClosed) {
        orphan_ = true;
        return Stop(server, kOrphanGrace);
      }
      const std::string_view text(reinterpret_cast<const char*>(buffer.data()), received->size);
      int64_t ms = 0;
      if (text.starts_with("stop ")) {
        std::from_chars(text.data() + 5, text.data() + text.size(), ms);
      }
      Stop(server, std::chrono::milliseconds(ms));
    }
  }

  void Stop(Child& server, Duration grace) {
    const MonotonicTime at = SystemClock().Now() + grace;
    // Not reaped, so the group is still this server's.
    if (!server.TryWait()) kill(-server.pid(), SIGTERM);
    stop_at_ = std::min(stop_at_.value_or(at), at);
  }

  SignalQueue signals_;
  bool orphan_ = false;
  std::optional<MonotonicTime> stop_at_ = std::nullopt;
  std::set<pid_t> asked_;
};

}  // namespace

int RunWarden(const std::vector<std::string>& words) {
  if (words.empty() || fcntl(kWardenLineFd, F_GETFD) < 0) {
    fmt::print(stderr, "weir: this program is started by 'weir serve'\n");
    return 2;
  }
  auto signals = SignalQueue::Open({SIGTERM, SIGINT, SIGCHLD});
  const auto set = SetNonBlocking(kWardenLineFd, true);
  if (!signals || !set || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return kFailed;
  Warden(std::move(*signals)).Run(words);
}

}  // namespace weir
