#include "llama/distributions.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "llama/logit_math.h"

namespace weir::llama {
namespace {

constexpr float kFloor = -87.0f;  // where logit_math's exponential ends too

size_t Top(std::span<const float> logits) {
  return static_cast<size_t>(std::ranges::max_element(logits) - logits.begin());
}

}  // namespace

void Moments::Add(double value) {
  ++count_;
  sum_ += value;
  squares_ += value * value;
}

double Moments::Mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

double Moments::Error() const {
  if (count_ < 2) return 0;
  const double mean = Mean();
  const double variance = squares_ / static_cast<double>(count_) - mean * mean;
  return std::sqrt(std::max(variance, 0.0) / static_cast<double>(count_ - 1));
}

double Perplexity(const Moments& surprise) { return std::exp(surprise.Mean()); }

double PerplexityError(const Moments& surprise) { return Perplexity(surprise) * surprise.Error(); }

// With p of logits a and q of logits b, shifted by their peaks, and their sums S and T:
// sum of p ln(p / q) = sum of e^a (a - b) / S - ln S + ln T.
Apart Compare(std::span<const float> base, std::span<const float> other,
              std::vector<float>& scratch) {
  CHECK(!base.empty() && base.size() == other.size(), "two distributions over one vocabulary");
  const size_t top = Top(base);
  const size_t other_top = Top(other);
  const float peak = base[top];
  const float other_peak = other[other_top];
  scratch.resize(base.size());
  (void)Exponentials(base, peak, 1, scratch);
  double weighted = 0;
  for (size_t i = 0; i < base.size(); ++i) {
    const float a = base[i] - peak;
    if (a < kFloor) continue;
    float b = other[i] - other_peak;
    b = b < kFloor ? kFloor : b;
    weighted += static_cast<double>(scratch[i]) * static_cast<double>(a - b);
  }
  // Both by the same pass, so that what is equal stays equal.
  const double sum = SumExponentials(base, peak).sum;
  const double other_sum = SumExponentials(other, other_peak).sum;
  const double divergence = weighted / sum - std::log(sum) + std::log(other_sum);
  // Rounding may take what is nothing a little below it; a NaN stays one.
  return {.divergence = divergence < 0 ? 0 : divergence, .same_top = top == other_top};
}

}  // namespace weir::llama
