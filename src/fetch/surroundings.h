// What a pull takes from the environment of the process that asks for it: which hub and registry
// stand where, the hub's token, trust roots, the folder for packages. docs/models.md names the
// variables.
//
// Reads the environment; call it before other threads change that.
#pragma once

#include "fetch/job.h"

namespace weir::fetch {

// A job with these fields alone; what is pulled, and whereto, is the caller's to say.
Job JobOfSurroundings();

}  // namespace weir::fetch
