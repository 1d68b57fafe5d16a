// Exact distances between vectors of f32. Vectors are padded with zeros to a multiple of
// kLanes, so that no loop has a tail. Every instruction set gives the same bits: products and sums
// run in the same order and are never fused.
//
// A distance orders: smaller is nearer. For cosine (of normalised vectors) and dot it is the
// negative inner product, for L2 the squared Euclidean distance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vectors/types.h"

namespace weir::vectors {

inline constexpr size_t kLanes = 16;
inline constexpr size_t Padded(size_t dimensions) {
  return (dimensions + kLanes - 1) / kLanes * kLanes;
}

using ExactDistance = float (*)(const float* a, const float* b, size_t padded);

struct ExactKernels {
  std::string_view name;
  ExactDistance negative_dot;
  ExactDistance squared_l2;
};

// What this machine can run, the fastest first; the last one runs everywhere.
std::span<const ExactKernels> ExactKernelsHere();
// The fastest one for `metric`.
ExactDistance DistanceFor(Metric metric);

// The vector as distances take it: padded, and for cosine normalised. `out` has Padded() floats.
void Prepare(Metric metric, std::span<const float> vector, float* out);

// What a caller is told, and the way back for limits.
float ScoreOf(Metric metric, float distance);
bool IsWithin(Metric metric, float score, float limit);

}  // namespace weir::vectors
