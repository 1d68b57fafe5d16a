// The configuration file as the launcher read it, and the files that it names as a part of itself
// (config/named_files.h): a sealed copy in memory, which it hands down to the gateway and the door.
// So both read the same, and one that is started again reads what is in force, not what stands in
// the file meanwhile and may have been refused.
#pragma once

#include "base/result.h"
#include "config/load.h"
#include "process/fd.h"

namespace weir::app {

Result<Fd> SealedCopy(const config::File& file);
// From the start, wherever others that share the descriptor have read to. An Error: it is no copy.
Result<config::File> ReadCopy(int descriptor);

}  // namespace weir::app
