// What a process gives up, for good, once it has started: each process calls ApplySandbox on
// itself, before it reads anything that somebody else wrote. Not a jail for other programs: nothing
// here survives execve, because execve is among the things given up (the launcher, which starts
// others, stays unfiltered; kTool keeps execve, and what it becomes keeps the filter).
//
// Four mechanisms, each as far as this kernel has it:
//   seccomp   an allow-list of system calls; everything else fails with EPERM. No socket, connect
//   (but for the egress process), bind, execve, ptrace, no
//             signals to others, no new executable memory. Covers threads that run already.
//   landlock  files: only the named ones. TCP: no bind, no connect. Abstract Unix sockets and
//   signals: inside only. Threads
//             that run already are covered from ABI 8 on, so call it before starting any.
//   limits    no core dumps, a bound on descriptors, optionally on address space.
//   privileges  no_new_privs, and not dumpable: no debugger of the same user can read the memory.
//
// Call once, from any thread. Afterwards: open files only below the named paths ("/proc/self/fd/4"
// works where the file behind 4 was named), send and receive only on inherited or accepted sockets,
// and never with TCP Fast Open, which is a connect in disguise (it also slips past Landlock).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct SandboxSpec {
  enum class Profile : uint8_t {
    kEngine,   // computes, reads and writes one socket, opens files for reading alone
    kGateway,  // also accepts connections and writes files (SQLite)
    kFetch,    // writes files and makes connections of its own
    kEgress,   // as the engine, and connects over TCP and asks for names over UDP
    kReader,   // as the engine, and ends and awaits a child that it started before
    kTool,     // as the engine, and becomes another program, on which its filter stays
  };
  Profile profile = Profile::kEngine;
  std::vector<std::string> read_only = {};  // files, or folders with all below; must exist to count
  std::vector<int> read_only_files = {};    // open descriptors of files that may be opened again
  std::vector<std::string> executable = {};  // kTool: files that may be run; must exist to count
  std::vector<std::string> read_write = {};  // folders with all below; must exist to count
  // kEngine: what drivers of GPUs do in a process, which cannot be told call by call: their device
  // files with any ioctl, libraries that are loaded late, code that is made at run time.
  bool drivers = false;
  std::vector<std::string> devices = {};  // files, or folders with all below, to be driven
  bool connects = false;                  // kFetch, kEgress: to other machines
  uint64_t descriptors_max = 0;           // 0: as inherited
  uint64_t address_space_bytes_max = 0;   // 0: as inherited; ignored in sanitizer builds
  uint64_t cpu_seconds_max = 0;           // of this process, then it is killed; 0: as inherited

  // `model_files` are the inherited descriptors of model files; `drivers`: of a build for GPUs.
  static SandboxSpec Engine(std::span<const int> model_files, bool drivers = false);
  // `read_only` is for a model store outside the data folder, and the like.
  static SandboxSpec Gateway(std::string data_folder, std::vector<std::string> read_only = {});
  // `read_write` folders; with `network` also what name look-up and trust roots need (`ca_file`
  // where they are not the system's).
  static SandboxSpec Fetch(std::vector<std::string> read_write, bool network, std::string ca_file);
  static SandboxSpec Reader();
  // For a process that becomes `program` with the libraries that it has.
  static SandboxSpec Tool(std::string program);
  // `read_only` is for certificates beside the system's own.
  static SandboxSpec Egress(std::vector<std::string> read_only = {});
};

enum class SandboxLevel : uint8_t { kNone, kPartial, kFull };
std::string_view LevelName(SandboxLevel level);  // "none", "partial", "full"

struct Mechanism {
  std::string name;              // "seccomp", "landlock", "limits", "privileges"
  SandboxLevel level;            // kPartial: something named in `detail` is missing
  std::string detail;            // "ABI 7"; what is missing, and why
  std::string ToString() const;  // "landlock full (ABI 7)"
};

struct SandboxReport {
  std::vector<Mechanism> mechanisms;
  // The lowest of all.
  SandboxLevel Level() const;
  std::vector<std::string> ToStrings() const;
};

// Never fails: what this kernel cannot do is in the report, and the caller decides whether that is
// enough. A second call reports what a filter of our own refuses.
SandboxReport ApplySandbox(const SandboxSpec& spec);

}  // namespace weir
