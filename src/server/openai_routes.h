// OpenAI's routes: read the request, run the use case, write the answer. Wire forms are
// dialects/openai's business.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> OpenAiChat(Site& site, Call& call);
Task<void> OpenAiCompletion(Site& site, Call& call);
Task<void> OpenAiEmbeddings(Site& site, Call& call);
Task<void> OpenAiModels(Site& site, Call& call);
Task<void> OpenAiModel(Site& site, Call& call);

}  // namespace weir::server
