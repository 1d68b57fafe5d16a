// What a reranking model reads: a query and a document as one input.
//
// Any thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "llama/model.h"

namespace weir::llama {

// By the model's own template for it ("rerank", as Qwen3's rerankers bring one), or as encoders
// were trained: beginning, query, separators, document, end. Neither text makes a control token.
Result<std::vector<Token>> RankPrompt(const Model& model, std::string_view query,
                                      std::string_view document);

}  // namespace weir::llama
