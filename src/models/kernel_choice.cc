#include "models/kernel_choice.h"

#include <algorithm>
#include <cmath>

namespace weir::models {

size_t BestKernel(std::span<const KernelFigures> measured) {
  size_t best = 0;
  double most = kKernelGain;
  for (size_t i = 1; i < measured.size(); ++i) {
    const KernelFigures& usual = measured[0];
    const KernelFigures& other = measured[i];
    const double ratios[] = {other.prompt / usual.prompt, other.alone / usual.alone,
                             other.streams / usual.streams};
    // Also false where something is no number: a figure that is not there decides nothing.
    const bool sound = std::ranges::all_of(
        ratios, [](double ratio) { return ratio >= 1 - kKernelLoss && std::isfinite(ratio); });
    if (!sound) continue;
    const double gain = std::cbrt(ratios[0] * ratios[1] * ratios[2]);
    if (gain < most) continue;
    most = gain;
    best = i;
  }
  return best;
}

}  // namespace weir::models
