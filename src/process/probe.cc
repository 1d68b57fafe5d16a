#include "process/probe.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "process/fd.h"
#include "process/landlock.h"

namespace weir {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;  // /proc/cpuinfo has about 1.5 KB for each core
constexpr size_t kGroupDepthMax = 32;
// Control groups of version 1 say "no limit" as the largest number of whole pages.
constexpr uint64_t kNoLimit = uint64_t{1} << 60;

constexpr std::array<std::string_view, 22> kFeatures = {
    "sse3",        "ssse3",       "sse4_2",      "f16c",     "fma",      "avx",
    "avx2",        "avx_vnni",    "bmi2",        "avx512f",  "avx512bw", "avx512vl",
    "avx512_vbmi", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimd",
    "asimdhp",     "asimddp",     "i8mm",        "sve"};

std::string ReadFile(const std::string& path) {
  std::string text;
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return text;
  char part[4096];
  ssize_t n = 0;
  while (text.size() < kFileBytesMax && (n = read(fd.get(), part, sizeof part)) > 0) {
    text.append(part, static_cast<size_t>(n));
  }
  return text;
}

std::string_view NextLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string_view NextWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t\n"), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(" \t\n"));
  line.remove_prefix(word.size());
  return word;
}

std::optional<uint64_t> Number(std::string_view word) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

// Our group's path under one controller: the line "0::/path" (version 2) or "4:memory:/path"
// (version 1).
std::string GroupPath(std::string_view proc_self_cgroup, std::string_view controllers) {
  while (!proc_self_cgroup.empty()) {
    std::string_view line = NextLine(proc_self_cgroup);
    line.remove_prefix(std::min(line.find(':') + 1, line.size()));
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && line.substr(0, colon) == controllers) {
      return std::string(line.substr(colon + 1));
    }
  }
  return "";
}

// The least of what `read` says of our group and of every group above it.
template <class Read>
auto LeastUpwards(const std::string& mount, std::string path, Read read) {
  auto least = read(mount);
  for (size_t depth = 0; depth < kGroupDepthMax && path.size() > 1; ++depth) {
    if (const auto here = read(mount + path); here && (!least || *here < *least)) least = here;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  return least;
}

void ReadControlGroups(Machine& machine) {
  const std::string groups = ReadFile("/proc/self/cgroup");
  const std::string v2 = GroupPath(groups, "");
  machine.memory_limit_bytes = LeastUpwards("/sys/fs/cgroup", v2, [](const std::string& group) {
    return MemoryLimit(ReadFile(group + "/memory.max"));
  });
  machine.cpu_quota_cores = LeastUpwards("/sys/fs/cgroup", v2, [](const std::string& group) {
    return CpuQuota(ReadFile(group + "/cpu.max"));
  });
  if (machine.memory_limit_bytes) return;
  machine.memory_limit_bytes = LeastUpwards(
      "/sys/fs/cgroup/memory", GroupPath(groups, "memory"), [](const std::string& group) {
        return MemoryLimit(ReadFile(group + "/memory.limit_in_bytes"));
      });
}

int Cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace

std::vector<std::string> CpuFeatures(std::string_view proc_cpuinfo) {
  std::vector<std::string> found;
  while (!proc_cpuinfo.empty()) {
    std::string_view line = NextLine(proc_cpuinfo);
    const std::string_view name = NextWord(line);
    if (name != "flags" && name != "Features") continue;  // x86, arm
    for (std::string_view word = NextWord(line); !word.empty(); word = NextWord(line)) {
      if (std::ranges::find(kFeatures, word) != kFeatures.end()) found.emplace_back(word);
    }
    break;  // the first core speaks for all
  }
  return found;
}

std::optional<uint64_t> MemoryField(std::string_view proc_meminfo, std::string_view name) {
  while (!proc_meminfo.empty()) {
    std::string_view line = NextLine(proc_meminfo);
    std::string_view word = NextWord(line);
    if (!word.ends_with(':') || word.substr(0, word.size() - 1) != name) continue;
    const auto kilobytes = Number(NextWord(line));
    if (!kilobytes || *kilobytes > UINT64_MAX / 1024) return std::nullopt;
    return *kilobytes * 1024;
  }
  return std::nullopt;
}

std::optional<uint64_t> MemoryLimit(std::string_view memory_max) {
  const auto bytes = Number(NextWord(memory_max));
  return bytes && *bytes < kNoLimit ? bytes : std::nullopt;
}

std::optional<double> CpuQuota(std::string_view cpu_max) {
  const auto quota = Number(NextWord(cpu_max));
  const auto period = Number(NextWord(cpu_max));
  if (!quota || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

Machine ProbeMachine() {
  Machine machine;
  utsname name{};
  if (uname(&name) == 0) machine.kernel = name.release;
  machine.seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
  machine.landlock_abi = LandlockAbi();
  machine.cores = Cores();
  const std::string memory = ReadFile("/proc/meminfo");
  machine.memory_bytes = MemoryField(memory, "MemTotal");
  machine.memory_available_bytes = MemoryField(memory, "MemAvailable");
  machine.cpu_features = CpuFeatures(ReadFile("/proc/cpuinfo"));
  ReadControlGroups(machine);
  return machine;
}

}  // namespace weir
