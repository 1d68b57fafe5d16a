// Distributions over a vocabulary held against a text and against each other: what perplexity and
// Kullback-Leibler divergence are made of. From raw logits, before temperature and penalties.
//
// Threads: pure; a Moments belongs to whoever adds to it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "llama/model.h"

namespace weir::llama {

// Of numbers as they come.
class Moments {
 public:
  void Add(double value);
  int64_t count() const { return count_; }
  double Mean() const;  // 0 of none
  // One standard error of the mean; 0 of fewer than two.
  double Error() const;

 private:
  int64_t count_ = 0;
  double sum_ = 0;
  double squares_ = 0;
};

// e to the mean of -ln p over the tokens of a text, and its standard error.
double Perplexity(const Moments& surprise);
double PerplexityError(const Moments& surprise);

struct Apart {
  double divergence = 0;  // Kullback-Leibler of `other` from `base`, nats; never below 0
  bool same_top = false;  // the same token is likeliest; of equal ones the first counts
};

// Spans of the same size. What `base` forbids (-infinity) counts for nothing; what `other` alone
// forbids counts as e^-87 of its likeliest, so that one token does not make the mean infinite. A
// NaN in either gives NaN. `scratch` is kept between calls.
Apart Compare(std::span<const float> base, std::span<const float> other,
              std::vector<float>& scratch);

}  // namespace weir::llama
