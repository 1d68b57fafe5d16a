// `<data folder>/serve.json`: where the running server answers, for commands. It appears whole or
// not at all, and goes when the server ends in order; after a crash it may be stale, which is why
// the folder's lock, not this file, says whether a server runs.
//
//   {"address":"http://127.0.0.1:9347","addresses":["http://127.0.0.1:9347"],"pid":4711}
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

inline constexpr size_t kServeAddressesMax = 16;

// kInvalidArgument when an address holds anything that an http:// address of ours cannot hold.
Result<void> WriteServeFile(const std::string& data_folder,
                            const std::vector<std::string>& addresses, pid_t pid);
void RemoveServeFile(const std::string& data_folder);

}  // namespace weir
