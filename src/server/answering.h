// From a canonical request to the bytes of its answer, whatever dialect it was asked in.
#pragma once

#include "async/task.h"
#include "chat/request.h"
#include "routing/target.h"
#include "server/call.h"
#include "server/rendering.h"
#include "server/site.h"

namespace weir::server {

// Decides, generates, answers. An error before the first byte is an answer with its status; after
// it, the last thing in the stream.
Task<void> AnswerGeneration(Site& site, Call& call, chat::GenerateRequest request,
                            Rendering& rendering);

// Counts what an answer cost, for metrics and for the key's limits.
void Book(Site& site, Call& call, const routing::Target& target, const chat::Usage& usage);

}  // namespace weir::server
