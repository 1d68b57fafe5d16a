// libsodium, ready for use. Included instead of <sodium.h> where it hashes: without a start it
// works, but by its portable code, several times slower.
#pragma once

#include <sodium.h>

#include "base/check.h"

namespace weir {

// Once in a process libsodium picks its code for this processor. Any thread; cheap after the first
// call.
inline void StartSodium() {
  static const bool started = sodium_init() >= 0;
  CHECK(started, "libsodium starts");
}

}  // namespace weir
