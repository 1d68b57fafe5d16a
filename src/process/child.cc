// vfork and not fork: the cost does not grow with the parent, and no second copy of its secrets
// ever exists. Between vfork and execve the child runs on the parent's stack and memory, so
// RunProgram() calls only the kernel, touches nothing but its own locals and what Plan holds, and
// reports a failure through a close-on-exec pipe.
#include "process/child.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

constexpr int kSweepMax = 65536;  // descriptors looked at one by one where close_range is missing

struct Move {
  int from;  // the source; in the child first moved out of the way
  int to;
};

// Everything the child needs, laid out before vfork.
struct Plan {
  const char* program;
  char* const* argv;
  char* const* envp;
  std::vector<Move> moves;  // sorted by `to`
  int report;               // where errno goes when something fails
  pid_t parent;
  const char* out_of_memory_score;  // as text, or nullptr
  int death_signal;                 // 0: none
};

void ResetSignals() {
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void MarkCloseOnExec(unsigned first, unsigned last) {
  if (syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC) == 0) return;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto end = std::min<rlim_t>({last, limit.rlim_cur, kSweepMax});
  for (rlim_t number = first; number <= end; ++number) {
    fcntl(static_cast<int>(number), F_SETFD, FD_CLOEXEC);
  }
}

// Every source first moves above all targets, so that no target can overwrite a source that is
// still needed.
bool PlaceDescriptors(Plan& plan) {
  for (Move& move : plan.moves) {
    move.from = fcntl(move.from, F_DUPFD_CLOEXEC, kChildDescriptorMax + 1);
    if (move.from < 0) return false;
  }
  plan.report = fcntl(plan.report, F_DUPFD_CLOEXEC, kChildDescriptorMax + 1);
  if (plan.report < 0) return false;
  unsigned next = 0;
  for (const Move& move : plan.moves) {
    if (dup2(move.from, move.to) < 0) return false;
    const auto to = static_cast<unsigned>(move.to);
    if (to > next) MarkCloseOnExec(next, to - 1);
    next = to + 1;
  }
  MarkCloseOnExec(next, ~0U);
  return true;
}

// A wish: where the kernel has no such file, the program runs all the same.
void SetOutOfMemoryScore(const char* score) {
  if (score == nullptr) return;
  const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  [[maybe_unused]] const ssize_t written = write(file, score, strlen(score));
  close(file);
}

[[noreturn]] void RunProgram(Plan& plan) {
  const int report = plan.report;
  bool ready = PlaceDescriptors(plan) && setpgid(0, 0) == 0 &&
               prctl(PR_SET_PDEATHSIG, plan.death_signal) == 0;
  // The parent may have died before the death signal was asked for.
  if (ready && getppid() != plan.parent) _exit(127);
  if (ready) {
    SetOutOfMemoryScore(plan.out_of_memory_score);
    ResetSignals();
    execve(plan.program, plan.argv, plan.envp);
  }
  const int error = errno;
  const int where = plan.report >= 0 ? plan.report : report;
  [[maybe_unused]] const ssize_t written = write(where, &error, sizeof error);
  _exit(127);
}

std::vector<char*> Pointers(const std::string* first, const std::vector<std::string>& rest) {
  std::vector<char*> pointers;
  if (first != nullptr) pointers.push_back(const_cast<char*>(first->c_str()));
  for (const std::string& text : rest) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<Move> MovesFor(const ChildSpec& spec, const Fd& null) {
  const bool has_stderr = fcntl(STDERR_FILENO, F_GETFD) >= 0;
  std::map<int, int> all = {
      {0, null.get()}, {1, null.get()}, {2, has_stderr ? STDERR_FILENO : null.get()}};
  for (const auto& [to, from] : spec.descriptors) {
    CHECK(to >= 0 && to <= kChildDescriptorMax, "a child's descriptor is out of range");
    all[to] = from;
  }
  std::vector<Move> moves;
  for (const auto& [to, from] : all) moves.push_back({from, to});
  return moves;
}

// All signals wait while parent and child share memory: a handler of ours must not run in the
// child.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_{};
};

[[gnu::noinline]] pid_t Start(Plan& plan) {
  const SignalsHeld held;
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
  // posix_spawn knows no death signal. All that RunProgram needs lies ready in the plan; it makes
  // system calls and nothing else.
  const pid_t pid = vfork();  // NOLINT(bugprone-unsafe-functions)
#pragma clang diagnostic pop
  if (pid == 0) RunProgram(plan);  // NOLINT(clang-analyzer-unix.Vfork)
  return pid;
}

void Reap(pid_t pid) {
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

ChildEnd EndOf(const siginfo_t& info) {
  return ChildEnd{.by_signal = info.si_code != CLD_EXITED, .code = info.si_status};
}

}  // namespace

std::string ChildEnd::ToString() const {
  if (!by_signal) return fmt::format("exit code {}", code);
  const char* name = sigabbrev_np(code);
  return name == nullptr ? fmt::format("signal {}", code)
                         : fmt::format("signal {} ({})", code, name);
}

Result<Child> Child::Spawn(const ChildSpec& spec) {
  auto pipe = MakePipe();
  if (!pipe) return Fail(pipe.error());
  Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return Fail(SystemError("cannot open /dev/null", errno));
  const std::vector<char*> argv = Pointers(&spec.program, spec.arguments);
  const std::vector<char*> envp = Pointers(nullptr, spec.environment);
  const std::string score = std::to_string(spec.out_of_memory_score);
  Plan plan{spec.program.c_str(),
            argv.data(),
            envp.data(),
            MovesFor(spec, null),
            pipe->write.get(),
            getpid(),
            spec.out_of_memory_score > 0 ? score.c_str() : nullptr,
            spec.dies_with_parent ? SIGKILL : 0};
  const pid_t pid = Start(plan);
  if (pid < 0) return Fail(SystemError("cannot start a process", errno));
  pipe->write.Reset();
  int error = 0;
  ssize_t got = -1;
  do {
    got = read(pipe->read.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof error) {
    Reap(pid);
    return Fail(SystemError("cannot start " + spec.program, error));
  }
  // Not reaped yet, so the id is still this child's.
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    const int why = errno;
    kill(pid, SIGKILL);
    Reap(pid);
    return Fail(SystemError("cannot watch a process", why));
  }
  return Child(pid, std::move(pidfd));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), end_(other.end_) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  End();
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::move(other.pidfd_);
  end_ = other.end_;
  return *this;
}

Child::~Child() { End(); }

void Child::End() {
  if (pid_ < 0 || end_) return;
  Kill(SIGKILL);
  Wait();
}

void Child::Kill(int signal) {
  if (end_) return;
  syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

std::optional<ChildEnd> Child::TryWait() {
  if (end_) return end_;
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) == 0 &&
      info.si_pid == pid_) {
    end_ = EndOf(info);
  }
  return end_;
}

ChildEnd Child::Wait() {
  if (end_) return *end_;
  siginfo_t info{};
  int result = -1;
  do {
    result = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
  } while (result != 0 && errno == EINTR);
  CHECK(result == 0, "somebody else reaped our child");
  end_ = EndOf(info);
  return *end_;
}

}  // namespace weir
