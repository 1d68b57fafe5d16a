#include "llama/token_stats.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "llama/logit_math.h"

namespace weir::llama {

TokenFacts Measure(std::span<const float> logits, Token chosen) {
  CHECK(chosen >= 0 && static_cast<size_t>(chosen) < logits.size(), "a token of the vocabulary");
  const Peaks peaks = FindPeaks(logits);
  const Mass mass = SumExponentials(logits, peaks.first);
  const double log_mass = std::log(mass.sum);
  TokenFacts facts;
  facts.log_sum = static_cast<float>(static_cast<double>(peaks.first) + log_mass);
  facts.logprob = static_cast<float>(
      static_cast<double>(logits[static_cast<size_t>(chosen)] - peaks.first) - log_mass);
  facts.entropy = static_cast<float>(std::max(0.0, log_mass - mass.weighted / mass.sum));
  const double second = std::exp(static_cast<double>(peaks.second - peaks.first));
  facts.margin = static_cast<float>((1.0 - second) / mass.sum);
  return facts;
}

float Logprob(std::span<const float> logits, Token token) {
  CHECK(token >= 0 && static_cast<size_t>(token) < logits.size(), "a token of the vocabulary");
  const float peak = FindPeaks(logits).first;
  const Mass mass = SumExponentials(logits, peak);
  return static_cast<float>(static_cast<double>(logits[static_cast<size_t>(token)] - peak) -
                            std::log(mass.sum));
}

std::vector<Candidate> TopCandidates(std::span<const float> logits, const TokenFacts& facts,
                                     int count) {
  CHECK(count >= 0 && count <= kTopLogprobsMax, "at most 20 alternatives");
  std::vector<Ranked> top;
  SelectTop(logits, static_cast<size_t>(count), top);
  std::vector<Candidate> candidates;
  candidates.reserve(top.size());
  for (const Ranked& ranked : top) {
    candidates.push_back({ranked.token, ranked.logit - facts.log_sum});
  }
  return candidates;
}

void AnswerStatistics::Add(const TokenFacts& facts) {
  logprob_min_ = tokens_ == 0 ? facts.logprob : std::min(logprob_min_, facts.logprob);
  entropy_max_ = tokens_ == 0 ? facts.entropy : std::max(entropy_max_, facts.entropy);
  margin_min_ = tokens_ == 0 ? facts.margin : std::min(margin_min_, facts.margin);
  logprob_sum_ += static_cast<double>(facts.logprob);
  entropy_sum_ += static_cast<double>(facts.entropy);
  margin_sum_ += static_cast<double>(facts.margin);
  ++tokens_;
}

chat::AnswerStats AnswerStatistics::Summary() const {
  chat::AnswerStats stats;
  stats.tokens = tokens_;
  if (tokens_ == 0) return stats;
  const auto mean = [&](double sum) {
    return static_cast<float>(sum / static_cast<double>(tokens_));
  };
  stats.logprob_mean = mean(logprob_sum_);
  stats.logprob_min = logprob_min_;
  stats.entropy_mean = mean(entropy_sum_);
  stats.entropy_max = entropy_max_;
  stats.margin_mean = mean(margin_sum_);
  stats.margin_min = margin_min_;
  return stats;
}

}  // namespace weir::llama
