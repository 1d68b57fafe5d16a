// Anthropic's request bodies to canonical requests. Pure: text in, values out; any thread.
//
// What cannot be honoured is refused by name (kInvalidArgument with `param` as a path), never
// dropped in silence; what cannot change an answer is ignored (docs/anthropic.md lists both). An
// unknown field is refused, and the nearest known one is named.
//
// Bounds: JSON limits (json/parse.h), 4,096 messages, 1,024 blocks a message, 100 images, 1,024
// tools, 128 calls a message, 16 stop sequences of 1,024 bytes.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/request.h"
#include "dialects/anthropic/error.h"

namespace weir::anthropic {

struct MessagesCall {
  chat::GenerateRequest request = {};
  bool stream = false;
  std::vector<Origin> origins = {};  // of the request's messages
};

Result<MessagesCall> ReadMessagesCall(std::string_view body);  // /v1/messages
// /v1/messages/count_tokens: the model and all that its prompt is made of; the rest keeps its
// defaults.
Result<MessagesCall> ReadCountTokens(std::string_view body);

}  // namespace weir::anthropic
