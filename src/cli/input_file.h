// Files that a person names on the command line; "-" is standard input. Both read the whole file:
// kNotFound; kInvalidArgument when it cannot be read, or is not what it should be; kTooLarge beyond
// `bytes_max`.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace weir::cli {

// UTF-8.
Result<std::string> ReadTextFile(const std::string& path, size_t bytes_max);
// An image, as the address that chats take it by: "data:image/png;base64,...".
Result<std::string> ReadImageFile(const std::string& path, size_t bytes_max);

}  // namespace weir::cli
