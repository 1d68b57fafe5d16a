// The process between the launcher and a server that an operator configured (`command`): it starts
// the server, and sees to it that nothing of it is left when it ends.
//
// A server may be a script, and start others of its own; the kernel's death signal reaches only the
// first of them. The warden is the subreaper of all: whatever loses its parent below it becomes its
// child and is killed. It ends them when it is told to, and when the launcher is gone, however that
// went: its line is closed then.
//
// The line, packets of text: the warden says "pid N" or "failed WHY"; the launcher says "stop
// MILLISECONDS" (SIGTERM to the server's process group, SIGKILL to all that is left after that
// time) or "kill". The warden ends as the server did.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"

namespace weir {

inline constexpr int kWardenLineFd = 3;
// For a server whose launcher was killed.
inline constexpr Duration kOrphanGrace = std::chrono::seconds(5);

// The main of that process; single-threaded. `words`: the path of the program, then its arguments.
int RunWarden(const std::vector<std::string>& words);

}  // namespace weir
