// The seccomp part of sandbox.h: one allow-list for each profile. Inside process/ only.
#pragma once

#include "process/sandbox.h"

namespace weir {

// Needs no_new_privs. Covers all threads of the process, those that run already included.
Mechanism ApplySeccomp(const SandboxSpec& spec);

}  // namespace weir
