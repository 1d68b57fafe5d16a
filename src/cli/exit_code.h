// Exit codes of the program, which scripts depend on.
#pragma once

#include "base/result.h"

namespace weir::cli {

enum class Exit : int {
  kGood = 0,
  kFailed = 1,
  kUsage = 2,
  kNothingThere = 3,  // unknown model, key, decision
  kRefusedByPolicy = 4,
  kNoServer = 5,
};

Exit ExitOf(const Error& error);

// "weir: <what>; <what to do>" on stderr, and the code to leave with.
int Report(const Error& error);

}  // namespace weir::cli
