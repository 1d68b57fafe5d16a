// A small program's answer: runs it, and gives what it printed.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "process/child.h"

namespace weir {

struct Captured {
  std::string output = {};
  std::string errors = {};  // its last kErrorBytesMax
  ChildEnd end = {};
};

inline constexpr size_t kErrorBytesMax = 4096;

// Runs `spec` (whose descriptors 1 and 2 are set here) to its end. It is killed, and this is an
// Error, when it prints more than `bytes_max` (kTooLarge) or runs for longer than `limit`
// (kDeadlineExceeded). The calling thread waits.
Result<Captured> Capture(ChildSpec spec, size_t bytes_max, Duration limit);

// Where a program of that name lies on PATH; empty: nowhere.
std::string ProgramInPath(std::string_view name);

}  // namespace weir
