// Use cases: search in a collection of documents, and a chat that is given what was found.
#pragma once

#include <string>
#include <vector>

#include "async/task.h"
#include "chat/file_search.h"
#include "chat/request.h"
#include "gateway/ingest.h"
#include "knowledge/passages.h"

namespace weir::gateway {

// The best first, over all collections; none when nothing fits. kNotFound, reason
// collection_not_found. The question itself is labelled as any request is.
Task<Result<std::vector<knowledge::Passage>>> Retrieve(Gateway& gateway, Documents& documents,
                                                       Asked asked, chat::FileSearch where,
                                                       std::string question);

// Puts the passages, numbered from 1, into the request's instructions, and tells the model to cite
// them; none at all is said as well. Raises `asked.passages_label` to the highest of theirs.
void GivePassages(const std::vector<knowledge::Passage>& passages, Asked& asked,
                  chat::GenerateRequest& request);

// What a chat asks: its last message of the user; empty when there is none.
std::string QuestionOf(const chat::GenerateRequest& request);

}  // namespace weir::gateway
