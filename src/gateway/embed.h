// Use cases: embeddings of texts, and log-probabilities of continuations.
#pragma once

#include <optional>
#include <string>

#include "async/task.h"
#include "chat/event.h"
#include "chat/request.h"
#include "gateway/asking.h"
#include "gateway/gateway.h"

namespace weir::gateway {

// `unanswered`, if given, lives as long as the Task and is what was decided where that is an Error.
Task<Result<Answered<chat::Embeddings>>> Embed(Gateway& gateway, Asked asked,
                                               chat::EmbedRequest request,
                                               std::optional<Unanswered>* unanswered = nullptr);
Task<Result<Answered<chat::Scores>>> Score(Gateway& gateway, Asked asked,
                                           chat::ScoreRequest request,
                                           std::optional<Unanswered>* unanswered = nullptr);

}  // namespace weir::gateway
