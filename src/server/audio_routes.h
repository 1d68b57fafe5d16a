// OpenAI's routes for sound: speech to text, in its own language or in English.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> PostTranscription(Site& site, Call& call);
Task<void> PostTranslation(Site& site, Call& call);

}  // namespace weir::server
