#include "process/sandbox.h"

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "process/landlock.h"
#include "process/measuring.h"
#include "process/sanitizer.h"
#include "process/seccomp.h"

namespace weir {
namespace {

// Facts about the machine that libraries ask for while they run, and the time zone. Nothing of a
// user's.
const std::vector<std::string>& SystemFiles() {
  static const std::vector<std::string> files = {
      "/dev/null",     "/dev/zero",     "/dev/urandom",        "/sys/devices/system/cpu",
      "/proc/cpuinfo", "/proc/meminfo", "/usr/share/zoneinfo", "/etc/localtime",
      "/proc/stat",    "/proc/loadavg",
#ifdef WEIR_SANITIZER_BUILD
      "/proc",  // the sanitizers read their own maps and threads
#endif
  };
  return files;
}

std::string Why(std::string_view what) {
  return fmt::format("{}: {}", what, std::generic_category().message(errno));
}

// Lowers soft and hard limit, never raises either.
bool Lower(__rlimit_resource resource, rlim_t bound) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return false;
  limit.rlim_max = std::min(limit.rlim_max, bound);
  limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
  return setrlimit(resource, &limit) == 0;
}

Mechanism ApplyLimits(const SandboxSpec& spec) {
  Mechanism report{"limits", SandboxLevel::kFull, ""};
  const auto fail = [&report](std::string_view what) {
    report.level = SandboxLevel::kPartial;
    report.detail = Why(what);
  };
  if (!Lower(RLIMIT_CORE, 0)) fail("core dumps");
  if (spec.descriptors_max > 0 && !Lower(RLIMIT_NOFILE, spec.descriptors_max)) fail("descriptors");
  // The sanitizers reserve terabytes of address space.
  if (spec.address_space_bytes_max > 0 && !kSanitizerBuild &&
      !Lower(RLIMIT_AS, spec.address_space_bytes_max)) {
    fail("address space");
  }
  if (spec.cpu_seconds_max > 0 && !Lower(RLIMIT_CPU, spec.cpu_seconds_max)) fail("processor time");
  return report;
}

Mechanism DropPrivileges() {
  Mechanism report{"privileges", SandboxLevel::kFull, ""};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return {"privileges", SandboxLevel::kNone, Why("no_new_privs")};
  }
  if (kSanitizerBuild) {
    // The leak check traces its own process at the end.
    return {"privileges", SandboxLevel::kPartial, "dumpable: this is a sanitizer build"};
  }
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return {"privileges", SandboxLevel::kPartial, Why("dumpable")};
  }
  return report;
}

}  // namespace

SandboxSpec SandboxSpec::Engine(std::span<const int> model_files, bool drivers) {
  SandboxSpec spec{.profile = Profile::kEngine};
  spec.read_only_files.assign(model_files.begin(), model_files.end());
  spec.descriptors_max = drivers ? 4096 : 256;
  spec.drivers = drivers;
  if (!drivers) return spec;
  // Programs' parts and the kernel's tables: nothing of a user's, and of /proc nothing of other
  // processes, whose environment Landlock would let it read.
  spec.read_only = {
      "/usr",         "/lib",         "/lib64",        "/opt/rocm",     "/etc/ld.so.cache",
      "/etc/glvnd",   "/etc/nvidia",  "/etc/vulkan",   "/etc/OpenCL",   "/etc/drirc",
      "/proc/self",   "/proc/driver", "/proc/devices", "/proc/modules", "/proc/version",
      "/proc/sys/vm", "/sys"};
  spec.devices = {"/dev/dri", "/dev/kfd"};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev", error)) {
    if (entry.path().filename().string().starts_with("nvidia"))
      spec.devices.push_back(entry.path().string());
  }
  return spec;
}

SandboxSpec SandboxSpec::Gateway(std::string data_folder, std::vector<std::string> read_only) {
  SandboxSpec spec{.profile = Profile::kGateway};
  spec.read_write.push_back(std::move(data_folder));
  spec.read_only = std::move(read_only);
  return spec;
}

SandboxSpec SandboxSpec::Fetch(std::vector<std::string> read_write, bool network,
                               std::string ca_file) {
  SandboxSpec spec{.profile = Profile::kFetch, .read_write = std::move(read_write)};
  spec.connects = network;
  spec.descriptors_max = 256;
  // Whether bytes that arrived before are of this boot: what was not synced may be lost otherwise.
  spec.read_only = {"/proc/sys/kernel/random/boot_id"};
  if (!network) return spec;
  spec.read_only = {"/proc/sys/kernel/random/boot_id",
                    "/etc/ssl",
                    "/etc/pki",
                    "/usr/share/ca-certificates",
                    "/usr/lib/ssl",
                    "/usr/local/share/ca-certificates",
                    "/etc/resolv.conf",
                    "/etc/hosts",
                    "/etc/host.conf",
                    "/etc/gai.conf",
                    "/etc/nsswitch.conf",
                    "/etc/services",
                    "/run/systemd/resolve"};
  if (!ca_file.empty()) spec.read_only.push_back(std::move(ca_file));
  return spec;
}

SandboxSpec SandboxSpec::Egress(std::vector<std::string> read_only) {
  SandboxSpec spec{.profile = Profile::kEgress, .read_only = std::move(read_only)};
  // What names and certificates are looked up with.
  for (const char* path :
       {"/etc/ssl", "/usr/lib/ssl", "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates", "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf",
        "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services"}) {
    spec.read_only.emplace_back(path);
  }
  spec.connects = true;
  spec.descriptors_max = 4096;
  return spec;
}

SandboxSpec SandboxSpec::Reader() {
  SandboxSpec spec{.profile = Profile::kReader};
  spec.descriptors_max = 64;
  return spec;
}

SandboxSpec SandboxSpec::Tool(std::string program) {
  SandboxSpec spec{.profile = Profile::kTool};
  spec.read_only = {"/usr/lib",          "/lib", "/lib64", "/etc/ld.so.cache", "/usr/lib/locale",
                    "/usr/share/poppler"};
  // The kernel opens the loader for running, too.
  spec.executable = {std::move(program), "/lib64/ld-linux-x86-64.so.2",
                     "/lib/ld-linux-aarch64.so.1"};
  spec.descriptors_max = 64;
  return spec;
}

std::string_view LevelName(SandboxLevel level) {
  switch (level) {
    case SandboxLevel::kNone:
      return "none";
    case SandboxLevel::kPartial:
      return "partial";
    case SandboxLevel::kFull:
      break;
  }
  return "full";
}

std::string Mechanism::ToString() const {
  if (detail.empty()) return fmt::format("{} {}", name, LevelName(level));
  return fmt::format("{} {} ({})", name, LevelName(level), detail);
}

SandboxLevel SandboxReport::Level() const {
  SandboxLevel least = SandboxLevel::kFull;
  for (const Mechanism& mechanism : mechanisms) least = std::min(least, mechanism.level);
  return least;
}

std::vector<std::string> SandboxReport::ToStrings() const {
  std::vector<std::string> lines;
  for (const Mechanism& mechanism : mechanisms) lines.push_back(mechanism.ToString());
  return lines;
}

// Limits and privileges first: Landlock and seccomp need no_new_privs. seccomp last: it forbids the
// other three.
SandboxReport ApplySandbox(const SandboxSpec& spec) {
  SandboxSpec whole = spec;
  whole.read_only.insert(whole.read_only.end(), SystemFiles().begin(), SystemFiles().end());
  SandboxReport report;
  report.mechanisms.push_back(ApplyLimits(whole));
  report.mechanisms.push_back(DropPrivileges());
  if (kMeasuringBuild) {
    report.mechanisms.push_back({"landlock and seccomp", SandboxLevel::kNone, "a measuring build"});
    return report;
  }
  report.mechanisms.push_back(ApplyLandlock(whole));
  report.mechanisms.push_back(ApplySeccomp(whole));
  return report;
}

}  // namespace weir
