#include "vectors/distance.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace weir::vectors {
namespace {

// One source for all instruction sets: the compiler splits the 16 lanes as the target has registers
// for. Fusing a product with a sum would round differently where there is an instruction for it;
// CMakeLists.txt turns it off for this file.
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));

[[gnu::always_inline]] inline void Load(const float* from, Floats* to) {
  std::memcpy(to, from, sizeof(Floats));
}

[[gnu::always_inline]] inline float Sum(const Floats* lanes) {
  float sums[kLanes];
  std::memcpy(sums, lanes, sizeof(sums));
  for (size_t step = kLanes / 2; step > 0; step /= 2) {
    for (size_t i = 0; i < step; ++i) sums[i] += sums[i + step];
  }
  return sums[0];
}

template <bool kSquaredL2>
[[gnu::always_inline]] inline float Body(const float* a, const float* b, size_t padded) {
  Floats even = {};
  Floats odd = {};
  size_t i = 0;
  for (; i + 2 * kLanes <= padded; i += 2 * kLanes) {
    Floats x0, x1, y0, y1;
    Load(a + i, &x0);
    Load(b + i, &y0);
    Load(a + i + kLanes, &x1);
    Load(b + i + kLanes, &y1);
    if constexpr (kSquaredL2) {
      x0 -= y0;
      x1 -= y1;
      y0 = x0;
      y1 = x1;
    }
    even += x0 * y0;
    odd += x1 * y1;
  }
  if (i < padded) {
    Floats x, y;
    Load(a + i, &x);
    Load(b + i, &y);
    if constexpr (kSquaredL2) {
      x -= y;
      y = x;
    }
    even += x * y;
  }
  even += odd;
  const float sum = Sum(&even);
  return kSquaredL2 ? sum : -sum;
}

#if defined(__x86_64__)
[[gnu::target("avx512f")]] float DotAvx512(const float* a, const float* b, size_t n) {
  return Body<false>(a, b, n);
}
[[gnu::target("avx512f")]] float L2Avx512(const float* a, const float* b, size_t n) {
  return Body<true>(a, b, n);
}
[[gnu::target("avx2")]] float DotAvx2(const float* a, const float* b, size_t n) {
  return Body<false>(a, b, n);
}
[[gnu::target("avx2")]] float L2Avx2(const float* a, const float* b, size_t n) {
  return Body<true>(a, b, n);
}
#endif
float DotPortable(const float* a, const float* b, size_t n) { return Body<false>(a, b, n); }
float L2Portable(const float* a, const float* b, size_t n) { return Body<true>(a, b, n); }

std::vector<ExactKernels> FindKernels() {
  std::vector<ExactKernels> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) found.push_back({"avx512", DotAvx512, L2Avx512});
  if (__builtin_cpu_supports("avx2")) found.push_back({"avx2", DotAvx2, L2Avx2});
#endif
  found.push_back({"portable", DotPortable, L2Portable});
  return found;
}

}  // namespace

std::span<const ExactKernels> ExactKernelsHere() {
  static const std::vector<ExactKernels> kernels = FindKernels();
  return kernels;
}

ExactDistance DistanceFor(Metric metric) {
  const ExactKernels& best = ExactKernelsHere().front();
  return metric == Metric::kL2 ? best.squared_l2 : best.negative_dot;
}

void Prepare(Metric metric, std::span<const float> vector, float* out) {
  std::fill(std::ranges::copy(vector, out).out, out + Padded(vector.size()), 0.0F);
  if (metric != Metric::kCosine) return;
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  const double factor = 1.0 / std::sqrt(squares);
  for (size_t i = 0; i < vector.size(); ++i) out[i] = static_cast<float>(out[i] * factor);
}

float ScoreOf(Metric metric, float distance) {
  return metric == Metric::kL2 ? std::sqrt(distance) : -distance;
}

bool IsWithin(Metric metric, float score, float limit) {
  return metric == Metric::kL2 ? score <= limit : score >= limit;
}

}  // namespace weir::vectors
