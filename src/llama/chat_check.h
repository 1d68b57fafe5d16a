// What a chat must be before it is rendered for a model: bounds, names, parts and schemas.
//
// Threads: pure, any thread.
#pragma once

#include <vector>

#include "base/result.h"
#include "chat/request.h"

namespace weir::llama {

// kInvalidArgument, kUnprocessable or kTooLarge with the field. Schemas that the answer has to
// follow must be such that it can, in full: those of all tools on offer where a call is certain
// or a response_format is given, and of strict ones always. Elsewhere a schema is what the model is
// told.
Result<void> CheckChat(const chat::GenerateRequest& request);

// The tools that may be called: all, or those that tool_choice names.
Result<std::vector<chat::Tool>> OfferedTools(const chat::GenerateRequest& request);

}  // namespace weir::llama
