#include "wire/quality.h"

#include <algorithm>
#include <cmath>

namespace weir::wire {
namespace {

bool IsQuantity(double value) { return std::isfinite(value) && value >= 0; }

bool IsGood(const TextQuality& quality) {
  const double values[] = {quality.perplexity,           quality.perplexity_error,
                           quality.divergence,           quality.divergence_error,
                           quality.prefill_tokens_per_s, quality.decode_tokens_per_s};
  return std::ranges::all_of(values, IsQuantity) && quality.same_top >= 0 && quality.same_top <= 1;
}

}  // namespace

std::string_view BrokenBound(const Measured& measured, size_t models) {
  if (measured.windows < 1 || measured.tokens == 0) return "windows";
  if (measured.models.size() != models) return "models";
  if (!std::ranges::all_of(measured.models, IsGood)) return "a figure";
  return "";
}

}  // namespace weir::wire
