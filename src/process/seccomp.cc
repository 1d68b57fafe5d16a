// The lists. What is not in them fails with EPERM; the process goes on, so that a library that
// tries something optional (a thread priority, say) falls back instead of dying.
//
// Names, not numbers: libseccomp knows which of them an architecture has, and a name that this one
// lacks is skipped.
#include "process/seccomp.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <system_error>

#include "process/sanitizer.h"

namespace weir {
namespace {

using Names = std::initializer_list<const char*>;

// Computing, waiting, threads, time, and the sockets and files that are open already.
constexpr Names kEveryProfile = {
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "close",
    "lseek",
    "fcntl",
    "dup",
    "dup3",
    "pipe2",
    "fstat",
    "newfstatat",
    "stat",
    "lstat",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents64",
    "fadvise64",
    "readahead",
    // memory; mmap and mprotect are below
    "munmap",
    "mremap",
    "madvise",
    "brk",
    "mlock",
    "mlock2",
    "munlock",
    "mincore",
    "msync",
    // threads and waiting; clone is below
    "futex",
    "futex_waitv",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "membarrier",
    "rseq",
    "set_robust_list",
    "get_robust_list",
    "set_tid_address",
    "getcpu",
    "arch_prctl",
    "exit",
    "exit_group",
    "restart_syscall",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd2",
    "signalfd4",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "rt_sigpending",
    "sigaltstack",
    // time and facts
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "uname",
    "sysinfo",
    "getrusage",
    "getrlimit",
    "getrandom",
    // sockets that exist; sendto, sendmsg and setsockopt are below
    "recvfrom",
    "recvmsg",
    "shutdown",
    "getsockopt",
    "getsockname",
    "getpeername",
};

constexpr Names kGatewayToo = {
    "accept",
    "accept4",
    "listen",
    // SQLite and plain files; which ones is Landlock's business
    "pwrite64",
    "pwritev",
    "ftruncate",
    "truncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "mkdir",
    "mkdirat",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "fchmod",
    "flock",
    "fstatfs",
    "statfs",
    "sendfile",
};

// Looking names up and connecting. Which addresses is not this filter's business.
constexpr Names kConnectsToo = {"connect",  "sendto",     "sendmsg", "sendmmsg",
                                "recvmmsg", "setsockopt", "bind"};
// libcurl and glibc's resolver.
constexpr Names kEgressToo = {"connect", "sendmmsg", "recvmmsg"};

// To end and to await one child, whose pidfd is open already.
constexpr Names kReaderToo = {"waitid", "wait4", "pidfd_send_signal"};

// AddressSanitizer's leak check starts a task that shares our memory and traces us; both runtimes
// map executable pages, name their mappings and read their limits. A sanitizer build is for tests:
// its filter is wider and the report says so.
constexpr Names kSanitizerToo = {"mmap",  "mprotect",    "clone",     "ptrace",
                                 "wait4", "prctl",       "prlimit64", "process_vm_readv",
                                 "kill",  "personality", "setrlimit", "tgkill"};

// setsockopt is a way to much of the kernel; these are the options that a server sets on accepted
// sockets.
struct SocketOption {
  int level;
  int name;
};
constexpr SocketOption kSocketOptions[] = {
    {SOL_SOCKET, SO_REUSEADDR},      {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_SNDBUF},         {SOL_SOCKET, SO_RCVBUF},
    {SOL_SOCKET, SO_LINGER},         {SOL_SOCKET, SO_RCVTIMEO},
    {SOL_SOCKET, SO_SNDTIMEO},       {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_CORK},         {IPPROTO_TCP, TCP_QUICKACK},
    {IPPROTO_TCP, TCP_KEEPIDLE},     {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},      {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT}, {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_IPV6, IPV6_V6ONLY},
};
// Beside what every profile has. None of it makes a connection or runs a program.
constexpr Names kDriversToo = {"access",
                               "dup",
                               "dup2",
                               "dup3",
                               "epoll_create1",
                               "epoll_ctl",
                               "epoll_pwait",
                               "epoll_wait",
                               "eventfd2",
                               "faccessat",
                               "faccessat2",
                               "fallocate",
                               "fcntl",
                               "flock",
                               "fstatfs",
                               "ftruncate",
                               "get_mempolicy",
                               "getcwd",
                               "getdents64",
                               "getrusage",
                               "lseek",
                               "lstat",
                               "mbind",
                               "memfd_create",
                               "mincore",
                               "mlock",
                               "mlock2",
                               "mremap",
                               "munlock",
                               "newfstatat",
                               "pipe2",
                               "poll",
                               "ppoll",
                               "pread64",
                               "readlink",
                               "readlinkat",
                               "sched_get_priority_max",
                               "sched_get_priority_min",
                               "sched_getaffinity",
                               "sched_getparam",
                               "sched_getscheduler",
                               "sched_setaffinity",
                               "set_mempolicy",
                               "stat",
                               "statfs",
                               "statx",
                               "sysinfo",
                               "uname"};
constexpr uint64_t kIoctls[] = {FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ};
constexpr int kPrctls[] = {PR_SET_NAME,         PR_GET_NAME,    PR_SET_TIMERSLACK, PR_GET_DUMPABLE,
                           PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, 0x53564d41 /* PR_SET_VMA */};

scmp_arg_cmp Equal(unsigned index, uint64_t value) {
  // The upper half of a 32-bit argument is undefined.
  return scmp_arg_cmp{index, SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, value & 0xFFFFFFFFu};
}
scmp_arg_cmp AllClear(unsigned index, uint64_t bits) {
  return scmp_arg_cmp{index, SCMP_CMP_MASKED_EQ, bits, 0};
}
scmp_arg_cmp Null(unsigned index) { return scmp_arg_cmp{index, SCMP_CMP_EQ, 0, 0}; }

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }

  void Allow(Names names) {
    for (const char* name : names) AllowIf(name, {});
  }
  void AllowIf(const char* name, std::initializer_list<scmp_arg_cmp> conditions) {
    Add(SCMP_ACT_ALLOW, name, conditions);
  }
  // As on a kernel that lacks it: the C library then takes the older call, whose arguments can be
  // filtered.
  void PretendMissing(const char* name) { Add(SCMP_ACT_ERRNO(ENOSYS), name, {}); }

  // Kernels before 5.16 slow every filtered process down with a guard against speculative stores,
  // which a process without foreign code in it does not need.
  void KeepFullSpeed() {
    if (error_ == 0) error_ = -seccomp_attr_set(context_, SCMP_FLTATR_CTL_SSB, 1);
  }

  // An errno.
  int Load() {
    if (context_ == nullptr) return ENOMEM;
    if (error_ == 0) error_ = -seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1);
    if (error_ == 0) error_ = -seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (error_ == 0) error_ = -seccomp_load(context_);
    return error_;
  }

 private:
  void Add(uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (context_ == nullptr || error_ != 0 || number < 0) return;
    error_ = -seccomp_rule_add_array(context_, action, number,
                                     static_cast<unsigned>(conditions.size()), conditions.begin());
  }

  scmp_filter_ctx context_;
  int error_ = 0;
};

// Drivers of GPUs: code that they make, ioctls of their devices, files that they open for both ways
// (Landlock says which).
void AllowDrivers(Filter& filter) {
  filter.Allow({"mmap", "mprotect", "ioctl", "open", "openat"});
  filter.Allow(kDriversToo);
}

// The loader of the program that it becomes maps code.
void AllowBecoming(Filter& filter) { filter.Allow({"execve", "mmap", "mprotect"}); }

void AllowMemoryAndThreads(Filter& filter) {
  filter.PretendMissing("clone3");
  if (kSanitizerBuild) {
    filter.Allow(kSanitizerToo);
    return;
  }
  filter.AllowIf("mmap", {AllClear(2, PROT_EXEC)});
  filter.AllowIf("mprotect", {AllClear(2, PROT_EXEC)});
  filter.AllowIf("clone", {scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD}});
  filter.AllowIf("prlimit64", {Null(2)});  // asks, does not set
  for (const int option : kPrctls)
    filter.AllowIf("prctl", {Equal(0, static_cast<unsigned>(option))});
  // A thread may lower its own priority (WorkInBackground).
  filter.AllowIf("sched_setattr", {Null(0)});
  // abort() signals its own thread.
  filter.AllowIf("tgkill", {Equal(0, static_cast<unsigned>(getpid()))});
}

void AllowSockets(Filter& filter) {
  // On a listening socket that was shut down, MSG_FASTOPEN connects to the given address. So: no
  // such flag, and no address where it can be seen (that of sendmsg lies in memory).
  filter.AllowIf("sendto", {AllClear(3, MSG_FASTOPEN), Null(4)});
  filter.AllowIf("sendmsg", {AllClear(2, MSG_FASTOPEN)});
  filter.AllowIf("socketpair", {Equal(0, AF_UNIX)});
  for (const SocketOption& option : kSocketOptions) {
    filter.AllowIf("setsockopt", {Equal(1, static_cast<unsigned>(option.level)),
                                  Equal(2, static_cast<unsigned>(option.name))});
  }
  for (const uint64_t request : kIoctls) filter.AllowIf("ioctl", {Equal(1, request)});
}

void AllowConnecting(Filter& filter) {
  filter.Allow(kConnectsToo);
  // Netlink tells which addresses this machine has, which look-ups ask.
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
    filter.AllowIf("socket", {Equal(0, static_cast<unsigned>(family))});
}

// Internet sockets alone: no netlink, no Unix sockets of others, no raw ones.
void AllowEgress(Filter& filter) {
  filter.Allow(kEgressToo);
  for (const unsigned domain : {AF_INET, AF_INET6}) {
    for (const unsigned type : {SOCK_STREAM, SOCK_DGRAM}) {
      filter.AllowIf("socket", {Equal(0, domain), scmp_arg_cmp{1, SCMP_CMP_MASKED_EQ, 0xF, type}});
    }
  }
  filter.AllowIf("setsockopt", {Equal(1, IPPROTO_IP), Equal(2, IP_RECVERR)});
  filter.AllowIf("setsockopt", {Equal(1, IPPROTO_IPV6), Equal(2, IPV6_RECVERR)});
}

void AllowOpening(Filter& filter, SandboxSpec::Profile profile) {
  filter.PretendMissing("openat2");  // its flags lie in memory
  if (profile == SandboxSpec::Profile::kGateway || profile == SandboxSpec::Profile::kFetch) {
    filter.Allow({"open", "openat"});
    return;
  }
  constexpr uint64_t kAnyWriting = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
  filter.AllowIf("open", {AllClear(1, kAnyWriting)});
  filter.AllowIf("openat", {AllClear(2, kAnyWriting)});
}

}  // namespace

Mechanism ApplySeccomp(const SandboxSpec& spec) {
  const SandboxSpec::Profile profile = spec.profile;
  Filter filter;
  filter.Allow(kEveryProfile);
  const bool egress = profile == SandboxSpec::Profile::kEgress;
  const bool writes =
      profile == SandboxSpec::Profile::kGateway || profile == SandboxSpec::Profile::kFetch;
  if (writes) filter.Allow(kGatewayToo);
  if (profile == SandboxSpec::Profile::kReader) filter.Allow(kReaderToo);
  if (profile == SandboxSpec::Profile::kTool) AllowBecoming(filter);
  if (profile == SandboxSpec::Profile::kFetch) filter.Allow({"sync_file_range"});
  if (egress) {
    AllowEgress(filter);
  } else if (spec.connects) {
    AllowConnecting(filter);
  }
  AllowMemoryAndThreads(filter);
  AllowSockets(filter);
  AllowOpening(filter, profile);
  if (spec.drivers) AllowDrivers(filter);
  if (profile == SandboxSpec::Profile::kEngine) filter.KeepFullSpeed();
  if (const int error = filter.Load(); error != 0) {
    return {"seccomp", SandboxLevel::kNone, std::generic_category().message(error)};
  }
  if (kSanitizerBuild) {
    return {"seccomp", SandboxLevel::kPartial, "wider: this is a sanitizer build"};
  }
  if (spec.drivers) return {"seccomp", SandboxLevel::kPartial, "wider: for the drivers of GPUs"};
  return {"seccomp", SandboxLevel::kFull, "allow-list, all threads"};
}

}  // namespace weir
