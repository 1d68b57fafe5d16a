// Generated text in, deltas out: content, reasoning and tool calls told apart while they stream.
//
// Costs are linear in the answer: plain content and tagged reasoning run through a small state
// machine that holds back only what may still become a marker; text in a template's own tool
// format is parsed as a whole by llama-common, but only each time it has grown by a fixed part.
// Text that does not parse as the format says is content: an answer is never lost.
//
// Threads: one at a time. Input: whole code points (stop_strings.h sees to that).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chat/event.h"
#include "chat/message.h"
#include "llama/chat_template.h"

namespace weir::llama {

class AnswerParser {
 public:
  // `id_seed` makes ids of tool calls ("call_" and 24 letters) that are unique and, for the same
  // seed, the same.
  AnswerParser(const AnswerFormat& format, uint64_t id_seed);
  ~AnswerParser();
  AnswerParser(AnswerParser&&) noexcept;
  AnswerParser& operator=(AnswerParser&&) noexcept;

  // What is certain after `text`. delta.choice and delta.logprobs are left alone.
  chat::Delta Push(std::string_view text);
  // The rest. Call once, at the end of the answer.
  chat::Delta Finish();

  bool has_tool_calls() const;
  // In the middle of reasoning: whether tokens now count as reasoning tokens.
  bool reasoning() const;
  // The answer as one message; after Finish.
  chat::Message message() const;
  // Bytes that went through a parser so far, re-parsing included: the bound that tests hold.
  int64_t parsed_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::llama
