// Use cases: embeddings of texts, and log-probabilities of continuations.
#pragma once

#include <string>

#include "async/task.h"
#include "chat/event.h"
#include "chat/request.h"
#include "gateway/asking.h"
#include "gateway/gateway.h"

namespace weir::gateway {

Task<Result<Answered<chat::Embeddings>>> Embed(Gateway& gateway, Asked asked,
                                               chat::EmbedRequest request);
Task<Result<Answered<chat::Scores>>> Score(Gateway& gateway, Asked asked,
                                           chat::ScoreRequest request);

}  // namespace weir::gateway
