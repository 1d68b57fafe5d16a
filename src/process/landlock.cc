// Every access right that this kernel's Landlock knows is handled, and so denied, and then given
// back for the named paths. The numbers are the kernel's (include/uapi/linux/landlock.h); Debian
// 12's header stops at ABI 3.
#include "process/landlock.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "process/fd.h"

namespace weir {
namespace {

constexpr uint64_t kExecute = 1u << 0;
constexpr uint64_t kWriteFile = 1u << 1;
constexpr uint64_t kReadFile = 1u << 2;
constexpr uint64_t kReadFolder = 1u << 3;
constexpr uint64_t kRemoveFolder = 1u << 4;
constexpr uint64_t kRemoveFile = 1u << 5;
constexpr uint64_t kMakeFolder = 1u << 7;
constexpr uint64_t kMakeFile = 1u << 8;
constexpr uint64_t kRefer = 1u << 13;        // ABI 2: rename between folders
constexpr uint64_t kTruncate = 1u << 14;     // ABI 3
constexpr uint64_t kIoctlDevice = 1u << 15;  // ABI 5
constexpr uint64_t kAbi1Files = (1u << 13) - 1;

constexpr uint64_t kTcpBind = 1;  // ABI 4
constexpr uint64_t kTcpConnect = 2;
constexpr uint64_t kScopeAbstractSocket = 1;  // ABI 6
constexpr uint64_t kScopeSignal = 2;

constexpr uint64_t kOnFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDevice;
constexpr uint64_t kReading = kReadFile | kReadFolder;
constexpr uint64_t kRunning = kReadFile | kExecute;
constexpr uint64_t kWriting = kReading | kWriteFile | kRemoveFolder | kRemoveFile | kMakeFolder |
                              kMakeFile | kRefer | kTruncate;

constexpr uint64_t kDriving = kReading | kWriteFile | kIoctlDevice;

constexpr unsigned kVersionQuery = 1;
constexpr unsigned kRuleBelowPath = 1;
constexpr unsigned kAllThreads = 1u << 3;  // ABI 8
constexpr int kAbiWithAllThreads = 8;
constexpr int kAbiWithAllRights = 6;

struct RulesetAttributes {
  uint64_t files;
  uint64_t network;
  uint64_t scoped;
};
struct [[gnu::packed]] BelowPath {
  uint64_t allowed;
  int32_t parent;
};

uint64_t FileRights(int abi) {
  uint64_t rights = kAbi1Files;
  if (abi >= 2) rights |= kRefer;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDevice;
  return rights;
}

class Ruleset {
 public:
  Ruleset(int abi, const SandboxSpec& spec) : files_(FileRights(abi)) {
    const uint64_t network = spec.connects ? kTcpBind : kTcpBind | kTcpConnect;
    // A reader's child is outside of its sandbox; seccomp leaves it no way to signal another.
    const bool has_child = spec.profile == SandboxSpec::Profile::kReader;
    const uint64_t scoped = has_child ? kScopeAbstractSocket : kScopeAbstractSocket | kScopeSignal;
    const RulesetAttributes attributes{files_, abi >= 4 ? network : 0, abi >= 6 ? scoped : 0};
    fd_.Reset(
        static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0U)));
  }
  bool valid() const { return fd_.valid(); }

  // False when there is no such path: then there is nothing to allow.
  bool Allow(const std::string& path, uint64_t rights) {
    const Fd target(open(path.c_str(), O_PATH | O_CLOEXEC));
    return target.valid() && Allow(target.get(), rights);
  }
  bool Allow(int target, uint64_t rights) {
    struct stat info{};
    if (fstat(target, &info) != 0) return false;
    if (!S_ISDIR(info.st_mode)) rights &= kOnFiles;
    const BelowPath rule{rights & files_, target};
    return syscall(SYS_landlock_add_rule, fd_.get(), kRuleBelowPath, &rule, 0U) == 0;
  }
  bool Restrict(unsigned flags) {
    return syscall(SYS_landlock_restrict_self, fd_.get(), flags) == 0;
  }

 private:
  uint64_t files_;
  Fd fd_;
};

int ThreadCount() {
  DIR* folder = opendir("/proc/self/task");
  if (folder == nullptr) return 1;
  int count = 0;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(folder);
  return count;
}

std::string_view MissingBelow(int abi) {
  if (abi < 2) return "no limit on truncating, TCP, devices, signals; no renames between folders";
  if (abi < 3) return "no limit on truncating, TCP, devices, signals";
  if (abi < 4) return "no limit on TCP, devices, signals";
  if (abi < 5) return "no limit on devices, signals";
  return "no limit on signals";
}

int AllowAll(Ruleset& rules, const SandboxSpec& spec) {
  int missing = 0;
  for (const std::string& path : spec.read_only) rules.Allow(path, kReading);
  for (const int file : spec.read_only_files) missing += !rules.Allow(file, kReadFile);
  for (const std::string& path : spec.devices) rules.Allow(path, kDriving);
  for (const std::string& path : spec.executable) rules.Allow(path, kRunning);
  for (const std::string& path : spec.read_write) missing += !rules.Allow(path, kWriting);
  return missing;
}

}  // namespace

int LandlockAbi() {
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersionQuery);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

Mechanism ApplyLandlock(const SandboxSpec& spec) {
  Mechanism report{"landlock", SandboxLevel::kNone, ""};
  const int abi = LandlockAbi();
  if (abi == 0) {
    report.detail = errno == EOPNOTSUPP ? "switched off when the kernel was started"
                                        : "this kernel has none (5.13 or later needed)";
    return report;
  }
  const int threads = ThreadCount();
  Ruleset rules(abi, spec);
  const int missing = rules.valid() ? AllowAll(rules, spec) : 0;
  if (!rules.valid() || !rules.Restrict(abi >= kAbiWithAllThreads ? kAllThreads : 0)) {
    report.detail = std::generic_category().message(errno);
    return report;
  }
  report.level = abi < kAbiWithAllRights ? SandboxLevel::kPartial : SandboxLevel::kFull;
  report.detail = fmt::format("ABI {}", abi);
  if (abi < kAbiWithAllRights) report.detail += fmt::format(": {}", MissingBelow(abi));
  if (threads > 1 && abi < kAbiWithAllThreads) {
    report.level = SandboxLevel::kPartial;
    report.detail += fmt::format("; {} threads that ran already are not covered", threads - 1);
  }
  if (missing > 0) report.detail += fmt::format("; {} named paths do not exist", missing);
  return report;
}

}  // namespace weir
