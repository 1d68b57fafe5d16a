// Which attention kernel and which micro-batch a model runs with on this machine: what
// `weir bench --tune` measured, by what rule one of them is chosen, and for which file the choice
// holds. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir::models {

struct KernelChoice {
  bool flash_attention = true;
  int64_t micro_batch = 0;  // tokens, 1 .. kMicroBatchMax
  bool operator==(const KernelChoice&) const = default;
};

inline constexpr int64_t kMicroBatchMax = 65'536;

// Tokens a second; 0: it could not run.
struct KernelFigures {
  double prompt = 0;   // one long prompt
  double alone = 0;    // one stream behind a long context
  double streams = 0;  // several streams behind a shared context
};

// The index of the kernel to run with. The first is the one that runs without a measurement, and
// stays unless another is better by kKernelGain over the three figures (their geometric mean), and
// loses more than kKernelLoss in none of them. Of an empty list: 0.
inline constexpr double kKernelGain = 1.05;
inline constexpr double kKernelLoss = 0.15;
size_t BestKernel(std::span<const KernelFigures> measured);

}  // namespace weir::models
