// One choice of one request while it is generated: draws tokens, turns them into deltas, knows when
// it has ended. Not the order of steps (scheduler/) and not the socket.
//
// One thread, the engine's. The Model must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "chat/event.h"
#include "llama/answer_parser.h"
#include "llama/sampler.h"
#include "llama/stop_strings.h"
#include "llama/token_stats.h"

namespace weir::engine {

struct AnswerOptions {
  int32_t choice = 0;
  int32_t max_tokens = 0;  // 0: nothing is drawn, EndForLength is its end
  std::string echo = {};   // text in front of the answer
  std::vector<std::string> stops = {};
  bool logprobs = false;
  int top_logprobs = 0;
  bool return_tokens = false;
  llama::AnswerFormat format = {};
  std::vector<llama::Token> visible_tokens = {};  // control tokens whose text the format needs
  // After so many reasoning tokens these are forced, which ends the reasoning; negative: never.
  int32_t reasoning_tokens_max = -1;
  std::vector<llama::Token> reasoning_end = {};
  uint64_t id_seed = 0;  // of tool call ids
};

// What one more token brought.
struct AnswerStep {
  llama::Token token = llama::kNoToken;
  chat::Delta delta = {};  // may be empty
  std::optional<chat::ChoiceDone> done = {};
};

class Answer {
 public:
  Answer(const llama::Vocabulary& vocabulary, std::unique_ptr<llama::Sampler> sampler,
         AnswerOptions options);

  // Before the first Draw: log-probabilities that go in front of the answer's own, of its echo.
  void Echo(std::vector<chat::TokenLogprob> logprobs) { logprobs_ = std::move(logprobs); }
  // Draws the next token from `logits` (the whole vocabulary). After `done` it must not be called
  // again.
  Result<AnswerStep> Draw(std::span<const float> logits);
  // Ends it from outside, when the context has no room left: the held-back rest, and the reason
  // kLength. The echo comes with it when nothing was drawn.
  AnswerStep EndForLength();

  int64_t tokens() const { return tokens_; }
  int64_t reasoning_tokens() const { return reasoning_tokens_; }

 private:
  void Use(llama::Token token, AnswerStep& step);
  void Record(std::span<const float> logits, llama::Token token);
  void Hand(chat::Delta& delta);
  void Push(std::string_view text, chat::Delta& delta);
  std::string PieceOf(llama::Token token) const;
  void BoundReasoning();
  chat::ChoiceDone End(chat::FinishReason reason, chat::Delta& delta);

  const llama::Vocabulary& vocabulary_;
  std::unique_ptr<llama::Sampler> sampler_;
  AnswerOptions options_;
  llama::StopStrings stops_;
  llama::AnswerParser parser_;
  llama::AnswerStatistics statistics_ = {};
  std::vector<chat::TokenLogprob> logprobs_ = {};  // not yet sent
  std::vector<llama::Token> drawn_ = {};           // likewise
  int64_t tokens_ = 0;
  int64_t reasoning_tokens_ = 0;
};

}  // namespace weir::engine
