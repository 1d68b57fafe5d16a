// Log-probabilities in OpenAI's shape, in which Ollama gives them too. Pure.
#pragma once

#include <string_view>

#include "chat/event.h"
#include "json/fields.h"

namespace weir::provider {

// Appends to `delta` the tokens of the list `from`[key], which may be absent: each with `token`,
// `bytes`, `logprob` and `top_logprobs`. A token without a number has an unknown log-probability.
// At most 100,000 tokens and 1,024 alternatives of each; what is wrong is `from`'s problem.
void ReadLogprobs(json::Fields& from, std::string_view key, chat::Delta& delta);

}  // namespace weir::provider
