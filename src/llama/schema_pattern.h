// The regular expressions of "pattern" that llama-common turns into rules; the others it would drop
// and let any string pass.
//
// Threads: pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace weir::llama {

// What is not supported, in words; empty when all of it is.
std::string PatternProblem(std::string_view pattern);

}  // namespace weir::llama
