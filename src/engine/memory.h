// How much memory this process holds, for `weir ps` and the memory budget.
#pragma once

#include <cstdint>

namespace weir::engine {

// Resident set in bytes; 0 where the system does not tell.
uint64_t ResidentBytes();
// Stays readable after the sandbox has closed the file system: opens what ResidentBytes reads. Call
// once, before it.
void OpenMemoryGauge();

}  // namespace weir::engine
