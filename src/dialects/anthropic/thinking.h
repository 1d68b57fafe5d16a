// Blocks of thinking, in messages to the provider and in whole answers. Pure.
#pragma once

#include <span>
#include <string_view>

#include "chat/message.h"
#include "json/writer.h"

namespace weir::anthropic {

// The blocks stand where they stood and are byte for byte what they were: a provider takes its
// signature back for nothing else.
class ThinkingBlocks {
 public:
  enum class Unsigned : uint8_t {
    kLeftOut,  // nobody takes it back
    kWritten,  // with an empty signature
  };
  // `text` is what all thoughts that are not hidden said. Both outlive this.
  ThinkingBlocks(std::span<const chat::Thought> thoughts, std::string_view text, Unsigned others)
      : thoughts_(thoughts), text_(text), others_(others) {}

  // Those that stand before the part or call of this number.
  void WriteBefore(json::Writer& writer, size_t number);

 private:
  std::span<const chat::Thought> thoughts_;
  std::string_view text_;
  const Unsigned others_;
};

}  // namespace weir::anthropic
