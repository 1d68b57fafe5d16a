// The seccomp part of sandbox.h: one allow-list for each profile. Inside process/ only.
#pragma once

#include "process/sandbox.h"

namespace weir {

// Needs no_new_privs. Covers all threads of the process, those that run already included.
// `connects`: with the sockets that making connections takes.
Mechanism ApplySeccomp(SandboxSpec::Profile profile, bool connects);

}  // namespace weir
