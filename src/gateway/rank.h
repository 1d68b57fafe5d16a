// Use case: what was found, in the order of how well it fits a question, by a model that ranks.
#pragma once

#include <string>
#include <vector>

#include "async/task.h"
#include "gateway/gateway.h"
#include "knowledge/passages.h"

namespace weir::gateway {

// Whether the policy knows routing::kReranker.
bool HasReranker(const Gateway& gateway);
// What ranks documents when nobody names a model: `reranker`, or `embedding` where there is none.
std::string RankingModel(const Gateway& gateway);

// Each passage's score becomes its rank, 0 to 1, and the best comes first. A passage too long for
// the model is cut for it. When nothing can rank them now they stay as they are, and it is false.
Task<bool> RankPassages(Gateway& gateway, Asked asked, std::string question,
                        std::vector<knowledge::Passage>& passages);

}  // namespace weir::gateway
