// How many prompt tokens the next step may carry, so that steps take about as long as they should:
// a model of step cost that learns from every measured step.
//
// A step of n decode rows and k prompt tokens is taken to cost D(n) + k * P. D is kept for each n
// that was seen, since it is not linear (weights are read once, threads fill up); P is kept apart
// for small and for large chunks, since kernels change with the number of rows. Both follow the
// machine: the newest step weighs a quarter, and a prompt that grows dearer with its depth is
// followed within a few steps.
//
// Where decoding alone comes near the target (many streams, a large model), prompts still get their
// share of the time, or a crowd of streams would keep everybody else from starting.
//
// One thread. Before the first measurement it plans the least (chunk_min) beside decode rows.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "scheduler/plan.h"

namespace weir::scheduler {

class StepBudget {
 public:
  // Matrix kernels work in tiles of rows and pay for whole ones: a step's decode rows and prompt
  // tokens together fill theirs. 16 is AMX's, and divides the others'.
  static constexpr int32_t kTileRows = 16;

  explicit StepBudget(const Options& options);

  // Prompt tokens for a step with that many decode rows; chunk_min .. chunk_max, and between them
  // such that the step's rows are whole tiles.
  int32_t PromptTokens(int32_t decode_rows) const;

  // What a step cost. Ignores empty steps and clock noise (cost <= 0).
  void Measured(int32_t decode_rows, int32_t prompt_tokens, Duration cost);

  double decode_ns(int32_t rows) const;  // D(rows); 0 when nothing is known
  // The same with hope where it was never measured: rows beyond the next smaller number that was
  // count half of what they cost at most. One try tells, so that none is left out for ever.
  double decode_hoped_ns(int32_t rows) const;
  double prompt_token_ns() const;  // P of large chunks, else of small ones; 0 when nothing is known

 private:
  static constexpr int32_t kDecodeSlots = 65;  // D is kept for 1 .. 64 rows; more count as 64
  static constexpr int32_t kLargeChunk = 64;
  double prompt_ns(int32_t tokens) const;
  double decode_ns(int32_t rows, double row_ns) const;

  const Duration target_;
  const Duration target_alone_;
  const double share_;  // prompt time for each unit of decode time, at least
  const int32_t chunk_min_;
  const int32_t chunk_max_;
  std::array<double, kDecodeSlots> decode_ns_{};
  std::array<double, 2> prompt_ns_{};  // small, large
};

}  // namespace weir::scheduler
