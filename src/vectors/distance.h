// Exact distances between a query of f32 and vectors of f32, f16 or u8. Vectors are padded with
// zeros to a multiple of kLanes, so that no loop has a tail. Every instruction set gives the same
// bits: products and sums run in the same order and are never fused, and making f32 of f16 or u8 is
// exact.
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

// The nearest f16, and back. A number beyond kHalfMost has none.
inline constexpr float kHalfMost = 65'504;
uint16_t ToHalf(float x);
float FromHalf(uint16_t half);
inline constexpr float kByteMost = 255;
// What is kept of a component that can be: what comes back.
float Kept(Components components, float x);

using ExactDistance = float (*)(const float* a, const float* b, size_t padded);
using HalfDistance = float (*)(const float* a, const uint16_t* b, size_t padded);
using ByteDistance = float (*)(const float* a, const uint8_t* b, size_t padded);

struct ExactKernels {
  std::string_view name;
  ExactDistance negative_dot;
  ExactDistance squared_l2;
  HalfDistance negative_dot_half;
  HalfDistance squared_l2_half;
  ByteDistance negative_dot_byte;
  ByteDistance squared_l2_byte;
};

// What this machine can run, the fastest first; the last one runs everywhere.
std::span<const ExactKernels> ExactKernelsHere();

// The vector as distances take it: padded, and for cosine normalised. `out` has Padded() floats.
void Prepare(Metric metric, std::span<const float> vector, float* out);

// How the vectors of a space lie in memory, one in each row, and how far a query is from one. Of
// f32 they are as Prepare makes them. Of f16 and u8 they are as they were given, so that nothing is
// rounded twice, after what makes cosine's length of 1 of them.
class RowVectors {
 public:
  explicit RowVectors(const Space& space);

  size_t bytes() const;  // of a row
  // A vector as it was given; of f16 and u8 it is rounded.
  void Write(std::span<const float> vector, std::byte* row) const;
  // As Prepare would make it, or of the same direction and any length for cosine.
  std::vector<float> Read(const std::byte* row) const;
  // Of a prepared query.
  float Distance(const float* query, const std::byte* row) const {
    if (exact_ != nullptr) return exact_(query, reinterpret_cast<const float*>(row), padded_);
    const float factor = *reinterpret_cast<const float*>(row);
    if (half_ != nullptr) return factor * half_(query, HalvesOf(row), padded_);
    return factor * byte_(query, BytesOf(row), padded_);
  }

 private:
  static const uint16_t* HalvesOf(const std::byte* row) {
    return reinterpret_cast<const uint16_t*>(row + sizeof(float));
  }
  static const uint8_t* BytesOf(const std::byte* row) {
    return reinterpret_cast<const uint8_t*>(row + sizeof(float));
  }

  float At(const std::byte* row, size_t i) const;  // of f16 and u8

  Metric metric_;
  size_t dimensions_;
  size_t padded_;
  ExactDistance exact_ = nullptr;  // of f32
  HalfDistance half_ = nullptr;    // of f16
  ByteDistance byte_ = nullptr;    // of u8
};

// What a caller is told, and the way back for limits.
float ScoreOf(Metric metric, float distance);
bool IsWithin(Metric metric, float score, float limit);

}  // namespace weir::vectors
