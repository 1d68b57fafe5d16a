// A text that a person names on the command line.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace weir::cli {

// The whole file; "-" is standard input. kNotFound; kInvalidArgument when it cannot be read, or is
// no UTF-8; kTooLarge beyond `bytes_max`.
Result<std::string> ReadTextFile(const std::string& path, size_t bytes_max);

}  // namespace weir::cli
