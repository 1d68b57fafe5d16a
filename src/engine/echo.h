// What an answer with `echo` repeats of its prompt: the text, and where they are asked for the
// log-probabilities of the prompt's own tokens, taken from the rows of the prompt as they are
// computed.
//
// Tokens that the engine put in front (the model's beginning) are not the client's and are not
// listed; they predict the first one that is. Without them nothing predicts the first token, and
// its log-probability is absent. Texts of tokens in the list put together give the echoed text.
//
// One thread at a time. Bytes: kEchoEntriesMax bounds the list (preparation.cc).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chat/event.h"
#include "chat/request.h"
#include "llama/model.h"

namespace weir::engine {

// Tokens and alternatives of all echoed prompts of a request, in all its choices.
inline constexpr size_t kEchoEntriesMax = size_t{1} << 18;

struct EchoedPrompt {
  std::string text = {};
  // With log-probabilities: one entry for each listed token; otherwise empty.
  std::vector<chat::TokenLogprob> logprobs = {};

  bool wants_rows() const { return !logprobs.empty(); }
  // The row at `position` was computed: its logits predict the token after it. Rows may come twice.
  void Take(const llama::Vocabulary& vocabulary, int32_t position, std::span<const float> logits);

  // Ids behind `logprobs`, how many of the prompt's tokens stand before them, and how many
  // alternatives each gets.
  std::vector<llama::Token> tokens = {};
  size_t hidden = 0;
  int top = 0;
};

// `tokens` is what becomes of `prompt` in this engine. With `logprobs` the rows of the whole prompt
// are wanted.
EchoedPrompt EchoOf(const llama::Vocabulary& vocabulary, const chat::Prompt& prompt,
                    std::span<const llama::Token> tokens, bool logprobs, int top);

// Bytes of tokens as text: what is no code point becomes U+FFFD.
std::string WholeText(std::string_view bytes);

}  // namespace weir::engine
