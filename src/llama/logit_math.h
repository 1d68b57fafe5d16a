// Passes over a vocabulary's logits, written so that the compiler vectorises them: fixed lanes,
// no branches, an exponential of our own. Infinite logits (forbidden tokens) are welcome, NaN is
// not: a NaN counts as forbidden.
//
// Threads: pure. Sums keep double precision per block, so results do not depend on the vocabulary's
// size.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::llama {

struct Peaks {
  float first = 0;   // the largest logit; -infinity when there is none
  float second = 0;  // the second largest
};
Peaks FindPeaks(std::span<const float> logits);

struct Mass {
  double sum = 0;       // of e^(logit - shift)
  double weighted = 0;  // of (logit - shift) * e^(logit - shift)
};
Mass SumExponentials(std::span<const float> logits, float shift);

// e^((logit - shift) * scale) into `out`, which has the same size; returns their sum.
double Exponentials(std::span<const float> logits, float shift, float scale, std::span<float> out);

struct Ranked {
  float logit = 0;
  int32_t token = -1;
};
// The `count` largest, likeliest first, equal ones by id. -infinity and NaN are never among them,
// so the result may be shorter.
void SelectTop(std::span<const float> logits, size_t count, std::vector<Ranked>& top);

}  // namespace weir::llama
