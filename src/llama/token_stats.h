// What a model's own probabilities say about a token: log-probability, entropy, margin, and the
// likeliest alternatives, from raw logits (before temperature, penalties and grammar), so that they
// are comparable between requests. And their running statistics over an answer.
//
// Threads: pure functions; an AnswerStatistics belongs to its answer. Cost: one pass that finds the
// maximum and one that sums exponentials, both vectorised (a polynomial of our own, relative error
// under 2e-7); see token_stats_bench in bench/ for figures.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "chat/event.h"
#include "llama/model.h"

namespace weir::llama {

inline constexpr int kTopLogprobsMax = 20;

struct TokenFacts {
  float logprob = 0;  // of the chosen token, natural logarithm
  float entropy = 0;  // of the distribution, nats
  float margin = 0;   // probability of the likeliest less that of the second likeliest
  float log_sum = 0;  // ln of the sum of e^logit: logprob of any token t = logits[t] - log_sum
};

TokenFacts Measure(std::span<const float> logits, Token chosen);
// Log-probability alone: what scoring needs.
float Logprob(std::span<const float> logits, Token token);

struct Candidate {
  Token token = kNoToken;
  float logprob = 0;
};
// The `count` likeliest tokens (at most kTopLogprobsMax), likeliest first; equal ones by id.
std::vector<Candidate> TopCandidates(std::span<const float> logits, const TokenFacts& facts,
                                     int count);

class AnswerStatistics {
 public:
  void Add(const TokenFacts& facts);
  chat::AnswerStats Summary() const;

 private:
  int64_t tokens_ = 0;
  double logprob_sum_ = 0;
  double entropy_sum_ = 0;
  double margin_sum_ = 0;
  float logprob_min_ = 0;
  float entropy_max_ = 0;
  float margin_min_ = 0;
};

}  // namespace weir::llama
