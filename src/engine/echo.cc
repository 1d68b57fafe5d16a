#include "engine/echo.h"

#include <utility>

#include "llama/stop_strings.h"
#include "llama/token_stats.h"

namespace weir::engine {
namespace {

// The tokens of a text that the engine put before it: a beginning, or what an empty prompt starts
// from. Ids are taken as they are.
size_t HiddenOf(const llama::Vocabulary& vocabulary, const chat::Prompt& prompt,
                std::span<const llama::Token> tokens) {
  if (!prompt.tokens.empty() || tokens.empty()) return 0;
  if (prompt.text.empty()) return tokens.size();
  return vocabulary.adds_beginning() && tokens.front() == vocabulary.beginning() ? 1 : 0;
}

// Some vocabularies put a space before a text; it is not the client's.
void DropAddedSpace(const std::string& text, std::vector<chat::TokenLogprob>& entries) {
  std::string joined;
  for (const chat::TokenLogprob& entry : entries) joined += entry.bytes;
  if (joined.size() == text.size() + 1 && joined.front() == ' ' && joined.ends_with(text)) {
    entries.front().bytes.erase(0, 1);
  }
}

}  // namespace

EchoedPrompt EchoOf(const llama::Vocabulary& vocabulary, const chat::Prompt& prompt,
                    std::span<const llama::Token> tokens, bool logprobs, int top) {
  EchoedPrompt echo;
  if (prompt.tokens.empty()) {
    echo.text = prompt.text;
  } else {
    std::string bytes;
    for (const llama::Token token : prompt.tokens) bytes += vocabulary.Piece(token, true);
    echo.text = WholeText(bytes);
  }
  if (!logprobs) return echo;
  echo.top = top;
  echo.hidden = HiddenOf(vocabulary, prompt, tokens);
  for (const llama::Token token : tokens.subspan(echo.hidden)) {
    echo.tokens.push_back(token);
    echo.logprobs.push_back({.bytes = vocabulary.Piece(token, /*special=*/true)});
  }
  if (prompt.tokens.empty() && !echo.logprobs.empty()) DropAddedSpace(echo.text, echo.logprobs);
  return echo;
}

void EchoedPrompt::Take(const llama::Vocabulary& vocabulary, int32_t position,
                        std::span<const float> logits) {
  const size_t next = static_cast<size_t>(position) + 1;
  if (next < hidden || next - hidden >= logprobs.size()) return;
  const llama::TokenFacts facts = llama::Measure(logits, tokens[next - hidden]);
  chat::TokenLogprob& entry = logprobs[next - hidden];
  entry.logprob = facts.logprob;
  entry.top.clear();
  for (const auto& candidate : llama::TopCandidates(logits, facts, top)) {
    entry.top.push_back({vocabulary.Piece(candidate.token, /*special=*/true), candidate.logprob});
  }
}

std::string WholeText(std::string_view bytes) {
  llama::StopStrings whole({});
  std::string text(whole.Push(bytes));
  text += whole.Finish();
  return text;
}

}  // namespace weir::engine
