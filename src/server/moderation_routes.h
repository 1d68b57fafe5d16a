// POST /v1/moderations: the label detectors in OpenAI's shape.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> PostModeration(Site& site, Call& call);

}  // namespace weir::server
