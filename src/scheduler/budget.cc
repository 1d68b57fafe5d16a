#include "scheduler/budget.h"

#include <algorithm>

#include "base/check.h"

namespace weir::scheduler {
namespace {

constexpr double kNewest = 0.25;
constexpr double kOutlier =
    4;  // one slow step (a page fault, a stopped process) counts as four times the usual

constexpr double kOver = 0.2;  // of the target, to fill a tile

// Whole tiles of rows: one more than fit when at most `spare` rows are missing from it. What does
// not fill the first tile stays as it is.
int32_t InWholeTiles(int32_t rows, int32_t spare) {
  constexpr int32_t kTile = StepBudget::kTileRows;
  const int32_t whole = (rows + spare) / kTile * kTile;
  return whole == 0 ? rows : whole;
}

void Follow(double& estimate, double sample) {
  if (estimate <= 0) {
    estimate = sample;
  } else {
    estimate += kNewest * (std::min(sample, kOutlier * estimate) - estimate);
  }
}

}  // namespace

StepBudget::StepBudget(const Options& options)
    : target_(options.target_step),
      target_alone_(options.target_step_alone),
      share_(options.prompt_share_min / (1 - options.prompt_share_min)),
      chunk_min_(std::min(options.chunk_min, options.batch_tokens_max)),
      chunk_max_(std::min(options.chunk_max, options.batch_tokens_max)) {
  CHECK(options.prompt_share_min >= 0 && options.prompt_share_min < 1, "a share is 0 to 1");
  CHECK(chunk_min_ >= 1 && chunk_min_ <= chunk_max_, "the chunk bounds are in order");
}

double StepBudget::prompt_ns(int32_t tokens) const {
  const size_t size = tokens >= kLargeChunk ? 1 : 0;
  return prompt_ns_[size] > 0 ? prompt_ns_[size] : prompt_ns_[1 - size];
}

double StepBudget::prompt_token_ns() const { return prompt_ns(kLargeChunk); }

// A row more costs at most what a prompt token does.
double StepBudget::decode_ns(int32_t rows) const { return decode_ns(rows, prompt_ns(1)); }
double StepBudget::decode_hoped_ns(int32_t rows) const { return decode_ns(rows, prompt_ns(1) / 2); }

double StepBudget::decode_ns(int32_t rows, double row_ns) const {
  const int32_t slot = std::min(rows, kDecodeSlots - 1);
  for (int32_t below = slot; below >= 1; --below) {
    if (decode_ns_[below] > 0) return decode_ns_[below] + (rows - below) * row_ns;
  }
  for (int32_t above = slot + 1; above < kDecodeSlots; ++above) {
    if (decode_ns_[above] > 0) return decode_ns_[above];
  }
  return 0;
}

int32_t StepBudget::PromptTokens(int32_t decode_rows) const {
  const bool alone = decode_rows == 0;
  if (prompt_ns(1) <= 0) return alone ? chunk_max_ : chunk_min_;
  const auto target = static_cast<double>((alone ? target_alone_ : target_).count());
  const double decode = alone ? 0 : decode_ns(decode_rows);
  const double left = std::max(target - decode, share_ * decode);
  double tokens = left / prompt_ns(kLargeChunk);
  if (tokens < kLargeChunk) tokens = std::min<double>(left / prompt_ns(1), kLargeChunk - 1);
  const auto fit = static_cast<int32_t>(std::min<double>(tokens, chunk_max_));
  constexpr int32_t kSpareMax = kTileRows / 2;
  const auto spare =
      static_cast<int32_t>(std::min<double>(kOver * target / prompt_ns(fit), kSpareMax));
  return std::clamp(InWholeTiles(decode_rows + fit, spare) - decode_rows, chunk_min_, chunk_max_);
}

void StepBudget::Measured(int32_t decode_rows, int32_t prompt_tokens, Duration cost) {
  const auto ns = static_cast<double>(cost.count());
  if (ns <= 0) return;
  if (prompt_tokens == 0) {
    if (decode_rows > 0) Follow(decode_ns_[std::min(decode_rows, kDecodeSlots - 1)], ns);
    return;
  }
  // At least a tenth of the step is the prompt's, however wrong D is: P never becomes nothing.
  const double prompt = std::max(ns - (decode_rows > 0 ? decode_ns(decode_rows) : 0), ns / 10);
  Follow(prompt_ns_[prompt_tokens >= kLargeChunk ? 1 : 0], prompt / prompt_tokens);
}

}  // namespace weir::scheduler
