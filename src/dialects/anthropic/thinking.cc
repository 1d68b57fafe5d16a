#include "dialects/anthropic/thinking.h"

#include "base/check.h"

namespace weir::anthropic {

void ThinkingBlocks::WriteBefore(json::Writer& writer, size_t number) {
  for (; !thoughts_.empty() && thoughts_.front().at <= number; thoughts_ = thoughts_.subspan(1)) {
    const chat::Thought& thought = thoughts_.front();
    CHECK(thought.text_bytes <= text_.size(), "a thought of more text than was thought");
    const std::string_view text = text_.substr(0, thought.text_bytes);
    const bool other = thought.signature.empty() && (others_ == Unsigned::kLeftOut || text.empty());
    text_.remove_prefix(text.size());
    if (!thought.hidden.empty()) {
      writer.BeginObject().Field("type", "redacted_thinking");
      writer.Field("data", thought.hidden).EndObject();
    } else if (!other) {
      writer.BeginObject().Field("type", "thinking").Field("thinking", text);
      writer.Field("signature", thought.signature).EndObject();
    }
  }
}

}  // namespace weir::anthropic
