// A program started as a child of this process, owned: when a Child is destroyed, the program is
// killed and reaped, so no process and no zombie stays behind.
//
// The program gets what ChildSpec names and nothing else: its environment, its descriptors, default
// signal actions, an empty signal mask, a process group of its own (Ctrl-C at a terminal reaches
// only the parent), and a death signal: the kernel kills it when the *thread* that spawned it ends
// (unless ChildSpec says that it notices by itself). So spawn from a thread that lives as long as
// the children should.
//
// Owned by one thread. SIGCHLD must not be ignored in this process.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "process/fd.h"

namespace weir {

inline constexpr int kChildDescriptorMax = 63;  // the highest number a child may get

struct ChildSpec {
  std::string program;                   // a path; PATH is not searched
  std::vector<std::string> arguments;    // after the program's own name
  std::vector<std::string> environment;  // "NAME=value"; nothing else is inherited
  // Number in the child -> descriptor here (which the caller keeps). 0 and 1 are /dev/null unless
  // named, 2 is the parent's.
  std::map<int, int> descriptors;
  // Added to what the kernel thinks of it when memory runs out: 0 like the parent, up to 1000 to go
  // first.
  int out_of_memory_score = 0;
  // False for a program that ends by itself when its parent is gone, and has to clear up before.
  bool dies_with_parent = true;
};

struct ChildEnd {
  bool by_signal = false;
  int code = 0;  // exit code, or signal number
  bool Clean() const { return !by_signal && code == 0; }
  // "exit code 1", "signal 9 (KILL)"
  std::string ToString() const;
};

class Child {
 public:
  // Returns when the program runs: a path that cannot be executed is an Error here, not an early
  // exit.
  static Result<Child> Spawn(const ChildSpec& spec);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  // A pidfd: readable once the program has ended.
  int poll_fd() const { return pidfd_.get(); }

  // Sends `signal`; nothing happens when the program has ended. The id cannot be somebody else's:
  // it goes by pidfd.
  void Kill(int signal);
  // How it ended, or nothing while it runs; never blocks. Once ended, always the same answer.
  std::optional<ChildEnd> TryWait();
  ChildEnd Wait();

 private:
  Child(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  void End();

  pid_t pid_ = -1;
  Fd pidfd_;
  std::optional<ChildEnd> end_;
};

}  // namespace weir
