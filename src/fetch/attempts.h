// Which fetch processes a pull comes to: one for each source that has to be tried. A name of the
// catalogue has several, everything else one. Whoever starts the processes (the command line, the
// gateway) goes through them in order until one gives the model.
//
// Reads the store for the words of an error alone; any thread.
#pragma once

#include <vector>

#include "base/result.h"
#include "fetch/job.h"

namespace weir::fetch {

// `asked` with its reference as a person wrote it. kInvalidArgument: no reference; kNotFound: the
// catalogue has no such name, with what is near.
Result<std::vector<Job>> Attempts(const Job& asked);

// Whether another source may do better than one that failed so.
bool NextMayHelp(const Error& why);
// What is said before the next one.
Event TryingNext(const Error& why);

}  // namespace weir::fetch
