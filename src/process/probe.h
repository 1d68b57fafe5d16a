// What this machine and kernel offer, for `weir doctor` and for defaults (threads, memory). Reads
// /proc and /sys: ask before ApplySandbox. Facts only; nothing here decides. A fact that cannot be
// read is absent, never a guess.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct Machine {
  std::string kernel;  // "6.18.44"
  bool seccomp = false;
  int landlock_abi = 0;                            // 0: none
  int cores = 0;                                   // that this process may run on
  std::optional<double> cpu_quota_cores;           // of the control group, where one is set
  std::optional<uint64_t> memory_bytes;            // in the machine
  std::optional<uint64_t> memory_available_bytes;  // as the kernel estimates it, now
  std::optional<uint64_t> memory_limit_bytes;      // the lowest of the control groups above us
  std::vector<std::string> cpu_features;           // those that ggml uses: "avx2", "fma", ...
};
Machine ProbeMachine();

// The parsers, pure. Texts are the files of that name.
std::vector<std::string> CpuFeatures(std::string_view proc_cpuinfo);
// A line such as "MemTotal:       24589396 kB", in bytes.
std::optional<uint64_t> MemoryField(std::string_view proc_meminfo, std::string_view name);
// "max", a number of bytes, or a number so large that it means none.
std::optional<uint64_t> MemoryLimit(std::string_view memory_max);
// "max 100000" or "150000 100000".
std::optional<double> CpuQuota(std::string_view cpu_max);

}  // namespace weir
