// What the file of a model of this machine says of it, read without an engine.
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "gguf/description.h"
#include "process/fd.h"
#include "server/site.h"

namespace weir::server {

// A header is a few MiB to walk over, and more than one client may ask: it is read on a worker.
Task<Result<gguf::Description>> HeaderOf(Site& site, Fd file);

}  // namespace weir::server
