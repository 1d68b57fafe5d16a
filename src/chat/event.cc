#include "chat/event.h"

#include "base/check.h"

namespace weir::chat {

std::string_view FinishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kToolCalls:
      return "tool_calls";
    case FinishReason::kContentFilter:
      return "content_filter";
  }
  CHECK(false, "finish reason out of range");
}

size_t BytesOf(const Delta& delta) {
  constexpr size_t kLogprobBytes = 64;
  size_t bytes = delta.text.size() + delta.reasoning.size();
  for (const auto& call : delta.tool_calls) {
    bytes += call.id.size() + call.name.size() + call.arguments.size();
  }
  for (const Thought& thought : delta.thoughts)
    bytes += thought.signature.size() + thought.hidden.size();
  for (const auto& token : delta.logprobs) bytes += kLogprobBytes * (1 + token.top.size());
  return bytes + delta.tokens.size() * sizeof(int32_t);
}

}  // namespace weir::chat
