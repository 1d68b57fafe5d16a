// Draws the next token of one answer from its logits: chat::Sampling, plus a grammar. One Sampler
// for each branch; forks are clones with seeds of their own.
//
// Order, as in llama.cpp: logit bias, penalties, DRY, top-k, typical, top-p, min-p, XTC,
// temperature, draw. Temperature 0 is greedy. A token is drawn without the grammar first and kept
// if the grammar takes it; only a rejected one costs a pass over the vocabulary.
//
// Threads: one at a time. Ownership: the Model must outlive it. The same seed, settings and logits
// give the same tokens. Errors are of this one answer: kUnprocessable when the grammar allows no
// token any more; the sampler must not be used after that.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "chat/request.h"
#include "llama/grammar.h"
#include "llama/model.h"

namespace weir::llama {

inline constexpr int32_t kPenaltyTokensMax = 32'768;  // penalty_last_n and dry_penalty_last_n
inline constexpr size_t kLogitBiasMax = 1'024;
inline constexpr size_t kDryBreakersMax = 16;
inline constexpr size_t kDryBreakerBytesMax = 64;

// Ranges of every field; kInvalidArgument names the field ("top_p").
Result<void> CheckSampling(const chat::Sampling& sampling, int32_t vocabulary_size);

class Sampler {
 public:
  // `grammar` may be null. `random_seed` is used when the request has no seed of its own.
  static Result<std::unique_ptr<Sampler>> Create(const Model& model, const chat::Sampling& sampling,
                                                 const Grammar* grammar, uint32_t random_seed);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // The same state with the seed of fork number `fork`; fork 0 keeps the seed.
  std::unique_ptr<Sampler> Clone(uint32_t fork) const;

  // Once, before the first token: the prompt, whose tail penalties and DRY look at.
  void ReadPrompt(std::span<const Token> prompt);
  // Draws the next token and takes it into account. `logits`: the whole vocabulary, unchanged.
  Result<Token> Next(std::span<const float> logits);

  // The next calls of Next give these tokens, whatever the logits say: how a reasoning budget ends
  // its thinking (RenderedPrompt::reasoning_end).
  void Force(std::span<const Token> tokens);

  uint32_t seed() const;

 private:
  struct State;
  explicit Sampler(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace weir::llama
