// The Landlock part of sandbox.h. Inside process/ only, besides the probe.
#pragma once

#include "process/sandbox.h"

namespace weir {

// The newest Landlock that the kernel offers, 0 without.
int LandlockAbi();
// Needs no_new_privs.
Mechanism ApplyLandlock(const SandboxSpec& spec);

}  // namespace weir
