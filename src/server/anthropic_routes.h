// Anthropic's routes: messages, and how many tokens they have.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> AnthropicMessages(Site& site, Call& call);
// Exact, by the model's own template and vocabulary; for local models alone.
Task<void> AnthropicCountTokens(Site& site, Call& call);
// GET /v1/models and /v1/models/{id} for clients that send anthropic-version.
Task<void> AnthropicModels(Site& site, Call& call);
Task<void> AnthropicModel(Site& site, Call& call);

}  // namespace weir::server
