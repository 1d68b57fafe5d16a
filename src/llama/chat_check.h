// What a chat must be before it is rendered for a model (bounds, names, parts and schemas), and
// what its prompt must have.
//
// Threads: pure, any thread.
#pragma once

#include <vector>

#include "base/result.h"
#include "chat/request.h"
#include "llama/chat_template.h"

namespace weir::llama {

// kInvalidArgument, kUnprocessable or kTooLarge with the field. Schemas that the answer has to
// follow must be such that it can, in full: those of all tools on offer where a call is certain
// or a response_format is given, and of strict ones always. Elsewhere a schema is what the model is
// told. With `images` users and tools may say some.
Result<void> CheckChat(const chat::GenerateRequest& request, bool images);

// The tools that may be called: all, or those that tool_choice names.
Result<std::vector<chat::Tool>> OfferedTools(const chat::GenerateRequest& request);

bool IsImage(const chat::Part& part);

// Whether the template placed every image of the messages.
Result<void> CheckPlaces(const std::vector<chat::Message>& messages, const RenderedPrompt& prompt);

}  // namespace weir::llama
