#include "engine/answer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace weir::engine {
namespace {

void Append(chat::Delta&& from, chat::Delta& to) {
  to.text += from.text;
  to.reasoning += from.reasoning;
  std::move(from.tool_calls.begin(), from.tool_calls.end(), std::back_inserter(to.tool_calls));
}

}  // namespace

Answer::Answer(const llama::Vocabulary& vocabulary, std::unique_ptr<llama::Sampler> sampler,
               AnswerOptions options)
    : vocabulary_(vocabulary),
      sampler_(std::move(sampler)),
      options_(std::move(options)),
      stops_(options_.stops),
      parser_(options_.format, options_.id_seed) {
  CHECK(options_.max_tokens >= 0, "an answer has no fewer tokens than none");
}

Result<AnswerStep> Answer::Draw(std::span<const float> logits) {
  CHECK(tokens_ < options_.max_tokens, "an answer draws no token over its bound");
  const Result<llama::Token> token = sampler_->Next(logits);
  if (!token) return std::unexpected(token.error());
  Record(logits, *token);

  AnswerStep step{.token = *token};
  step.delta.choice = options_.choice;
  step.delta.text = std::exchange(options_.echo, {});
  Use(*token, step);
  const bool carries = step.done || !step.delta.text.empty() || !step.delta.reasoning.empty() ||
                       !step.delta.tool_calls.empty();
  if (carries) Hand(step.delta);
  return step;
}

void Answer::Hand(chat::Delta& delta) {
  delta.logprobs = std::exchange(logprobs_, {});
  delta.tokens = std::exchange(drawn_, {});
}

void Answer::Use(llama::Token token, AnswerStep& step) {
  if (vocabulary_.EndsGeneration(token)) {
    step.done = End(chat::FinishReason::kStop, step.delta);
    return;
  }
  Push(stops_.Push(PieceOf(token)), step.delta);
  BoundReasoning();
  if (stops_.found()) {
    step.done = End(chat::FinishReason::kStop, step.delta);
    step.done->stop_sequence = stops_.found_stop();
  } else if (tokens_ >= options_.max_tokens) {
    step.done = End(chat::FinishReason::kLength, step.delta);
  }
}

AnswerStep Answer::EndForLength() {
  AnswerStep step;
  step.delta.choice = options_.choice;
  step.delta.text = std::exchange(options_.echo, {});
  step.done = End(chat::FinishReason::kLength, step.delta);
  Hand(step.delta);
  return step;
}

void Answer::Record(std::span<const float> logits, llama::Token token) {
  ++tokens_;
  if (parser_.reasoning()) ++reasoning_tokens_;
  const llama::TokenFacts facts = llama::Measure(logits, token);
  statistics_.Add(facts);
  if (options_.return_tokens) drawn_.push_back(token);
  if (!options_.logprobs || vocabulary_.EndsGeneration(token)) return;
  chat::TokenLogprob entry{.bytes = vocabulary_.Piece(token, /*special=*/true),
                           .logprob = facts.logprob};
  for (const auto& candidate : llama::TopCandidates(logits, facts, options_.top_logprobs)) {
    entry.top.push_back({vocabulary_.Piece(candidate.token, /*special=*/true), candidate.logprob});
  }
  logprobs_.push_back(std::move(entry));
}

std::string Answer::PieceOf(llama::Token token) const {
  const bool visible =
      std::ranges::find(options_.visible_tokens, token) != options_.visible_tokens.end();
  return vocabulary_.Piece(token, visible);
}

void Answer::BoundReasoning() {
  const bool over = options_.reasoning_tokens_max >= 0 && parser_.reasoning() &&
                    reasoning_tokens_ >= options_.reasoning_tokens_max;
  if (!over || options_.reasoning_end.empty()) return;
  sampler_->Force(options_.reasoning_end);
  options_.reasoning_tokens_max = -1;  // once
}

void Answer::Push(std::string_view text, chat::Delta& delta) {
  if (!text.empty()) Append(parser_.Push(text), delta);
}

chat::ChoiceDone Answer::End(chat::FinishReason reason, chat::Delta& delta) {
  if (!stops_.found()) Push(stops_.Finish(), delta);
  Append(parser_.Finish(), delta);
  if (reason == chat::FinishReason::kStop && parser_.has_tool_calls()) {
    reason = chat::FinishReason::kToolCalls;
  }
  return {.choice = options_.choice, .reason = reason, .stats = statistics_.Summary()};
}

}  // namespace weir::engine
