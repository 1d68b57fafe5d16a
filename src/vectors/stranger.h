// Files of rows that come from elsewhere: snapshots that somebody uploads. Inside vectors/ only.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace weir::vectors {

// Whether the file is a sound database with the very tables of a store and nothing else, as this
// program or an earlier one makes them: then it can be opened, whoever it came from.
// kInvalidArgument.
Result<void> CheckStranger(const std::filesystem::path& database);
// What reading such a file failed with: its own fault, unless it is the disk's or the memory's.
Error StrangersFault(Error error);

}  // namespace weir::vectors
