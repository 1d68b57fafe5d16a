// What a reranking model reads: a query and a document as one input.
//
// Any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llama/model.h"

namespace weir::llama {

// By the model's own template for it ("rerank", as Qwen3's rerankers bring one), or as encoders
// were trained: beginning, query, separators, document, end. Neither text makes a control token. So
// many of the document's tokens are taken, from its beginning.
Result<std::vector<Token>> RankPrompt(const Model& model, std::string_view query,
                                      std::string_view document,
                                      int32_t document_tokens_max = INT32_MAX);

}  // namespace weir::llama
