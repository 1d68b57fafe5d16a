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

}  // namespace weir::chat
