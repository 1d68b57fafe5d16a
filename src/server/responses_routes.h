// OpenAI's Responses API: answers that are kept, and that later requests go on from.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> CreateResponse(Site& site, Call& call);    // POST /v1/responses
Task<void> CountInputTokens(Site& site, Call& call);  // POST /v1/responses/input_tokens
Task<void> GetResponse(Site& site, Call& call);       // GET /v1/responses/{id}[/input_items]
Task<void> DeleteResponse(Site& site, Call& call);    // DELETE /v1/responses/{id}
Task<void> CancelResponse(Site& site, Call& call);    // POST /v1/responses/{id}/cancel

}  // namespace weir::server
