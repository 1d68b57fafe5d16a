#include "vectors/distance.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace weir::vectors {
namespace {

// One source for all instruction sets: the compiler splits the 16 lanes as the target has registers
// for. Fusing a product with a sum would round differently where there is an instruction for it;
// CMakeLists.txt turns it off for this file.
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Bytes = uint8_t __attribute__((vector_size(kLanes)));
using Halves = _Float16 __attribute__((vector_size(kLanes * sizeof(_Float16))));

[[gnu::always_inline]] inline void Load(const float* from, Floats* to) {
  std::memcpy(to, from, sizeof(Floats));
}
[[gnu::always_inline]] inline void Load(const uint16_t* from, Floats* to) {
  Halves halves;
  std::memcpy(&halves, from, sizeof(halves));
  *to = __builtin_convertvector(halves, Floats);
}
[[gnu::always_inline]] inline void Load(const uint8_t* from, Floats* to) {
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof(bytes));
  *to = __builtin_convertvector(bytes, Floats);
}

[[gnu::always_inline]] inline float Sum(const Floats* lanes) {
  float sums[kLanes];
  std::memcpy(sums, lanes, sizeof(sums));
  for (size_t step = kLanes / 2; step > 0; step /= 2) {
    for (size_t i = 0; i < step; ++i) sums[i] += sums[i + step];
  }
  return sums[0];
}

template <bool kSquaredL2, class T>
[[gnu::always_inline]] inline float Body(const float* a, const T* b, size_t padded) {
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
template <bool kSquaredL2, class T>
[[gnu::target("avx512f")]] float Avx512(const float* a, const T* b, size_t n) {
  return Body<kSquaredL2>(a, b, n);
}
template <bool kSquaredL2, class T>
[[gnu::target("avx2,f16c")]] float Avx2(const float* a, const T* b, size_t n) {
  return Body<kSquaredL2>(a, b, n);
}
#endif
template <bool kSquaredL2, class T>
float Portable(const float* a, const T* b, size_t n) {
  return Body<kSquaredL2>(a, b, n);
}

std::vector<ExactKernels> FindKernels() {
  std::vector<ExactKernels> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) {
    found.push_back({"avx512", Avx512<false, float>, Avx512<true, float>, Avx512<false, uint16_t>,
                     Avx512<true, uint16_t>, Avx512<false, uint8_t>, Avx512<true, uint8_t>});
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) {
    found.push_back({"avx2", Avx2<false, float>, Avx2<true, float>, Avx2<false, uint16_t>,
                     Avx2<true, uint16_t>, Avx2<false, uint8_t>, Avx2<true, uint8_t>});
  }
#endif
  found.push_back({"portable", Portable<false, float>, Portable<true, float>,
                   Portable<false, uint16_t>, Portable<true, uint16_t>, Portable<false, uint8_t>,
                   Portable<true, uint8_t>});
  return found;
}

}  // namespace

std::span<const ExactKernels> ExactKernelsHere() {
  static const std::vector<ExactKernels> kernels = FindKernels();
  return kernels;
}

void Prepare(Metric metric, std::span<const float> vector, float* out) {
  std::fill(std::ranges::copy(vector, out).out, out + Padded(vector.size()), 0.0F);
  if (metric != Metric::kCosine) return;
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  const double factor = 1.0 / std::sqrt(squares);
  for (size_t i = 0; i < vector.size(); ++i) out[i] = static_cast<float>(out[i] * factor);
}

uint16_t ToHalf(float x) { return std::bit_cast<uint16_t>(static_cast<_Float16>(x)); }
float FromHalf(uint16_t half) { return static_cast<float>(std::bit_cast<_Float16>(half)); }

float Kept(Components components, float x) {
  if (components == Components::kF16) return FromHalf(ToHalf(x));
  return components == Components::kU8 ? std::trunc(x) : x;
}

RowVectors::RowVectors(const Space& space)
    : metric_(space.metric), dimensions_(space.dimensions), padded_(Padded(space.dimensions)) {
  const ExactKernels& best = ExactKernelsHere().front();
  const bool l2 = metric_ == Metric::kL2;
  if (space.components == Components::kF32) {
    exact_ = l2 ? best.squared_l2 : best.negative_dot;
  } else if (space.components == Components::kF16) {
    half_ = l2 ? best.squared_l2_half : best.negative_dot_half;
  } else {
    byte_ = l2 ? best.squared_l2_byte : best.negative_dot_byte;
  }
}

size_t RowVectors::bytes() const {
  if (exact_ != nullptr) return padded_ * sizeof(float);
  return sizeof(float) + padded_ * (half_ != nullptr ? sizeof(uint16_t) : sizeof(uint8_t));
}

void RowVectors::Write(std::span<const float> vector, std::byte* row) const {
  if (exact_ != nullptr) return Prepare(metric_, vector, reinterpret_cast<float*>(row));
  std::memset(row, 0, bytes());
  double squares = 0;
  for (size_t i = 0; i < vector.size(); ++i) {
    if (half_ != nullptr) {
      reinterpret_cast<uint16_t*>(row + sizeof(float))[i] = ToHalf(vector[i]);
    } else {
      reinterpret_cast<uint8_t*>(row + sizeof(float))[i] = static_cast<uint8_t>(vector[i]);
    }
    const double kept = At(row, i);
    squares += kept * kept;
  }
  const double factor = metric_ == Metric::kCosine ? 1 / std::sqrt(squares) : 1;
  *reinterpret_cast<float*>(row) = static_cast<float>(factor);
}

float RowVectors::At(const std::byte* row, size_t i) const {
  return half_ != nullptr ? FromHalf(HalvesOf(row)[i]) : BytesOf(row)[i];
}

std::vector<float> RowVectors::Read(const std::byte* row) const {
  if (exact_ != nullptr) {
    const auto* vector = reinterpret_cast<const float*>(row);
    return {vector, vector + dimensions_};
  }
  std::vector<float> vector(dimensions_);
  for (size_t i = 0; i < dimensions_; ++i) vector[i] = At(row, i);
  return vector;
}

float ScoreOf(Metric metric, float distance) {
  return metric == Metric::kL2 ? std::sqrt(distance) : -distance;
}

bool IsWithin(Metric metric, float score, float limit) {
  return metric == Metric::kL2 ? score <= limit : score >= limit;
}

}  // namespace weir::vectors
