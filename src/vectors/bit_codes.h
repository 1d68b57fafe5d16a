// 1-bit codes of vectors, an eighth of the size of 8-bit ones (codes.h). A record has the same
// head, then one bit for each component of the vector after a rotation: set where it is not
// negative. The rotation, the same for all vectors of as many dimensions, spreads what a vector
// says over all of its components, so that a bit says about as much whatever the vectors are like
// (vectors whose components are all positive, say). A query is rotated likewise and coded in 8
// bits, so only one side is as coarse as a bit. The sum of the query's bytes with the row's signs
// is an exact integer, the same on every instruction set; the head's `scale` makes an estimate of
// the inner product of it (RaBitQ, Gao and Long 2024).
//
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vectors/codes.h"

namespace weir::vectors {

inline constexpr size_t BitRecordBytes(size_t dimensions) {
  return sizeof(CodeHead) + CodeBytes(dimensions) / 8;
}

// The first `dimensions` components turned by the fixed rotation: lengths and angles stay.
std::vector<float> Rotated(std::span<const float> vector, size_t dimensions);

// Writes the record of a vector that Prepare (distance.h) made.
void EncodeBits(std::span<const float> prepared, size_t dimensions, std::byte* record);

struct BitKernels {
  std::string_view name;
  // products[i] = the sum over j of query.bytes[j], taken negative where bit j of record i is 0.
  // The query is of a rotated vector.
  void (*products)(const CodeQuery& query, const std::byte* const* records, size_t count,
                   int32_t* products);
};

// What this machine can run, the fastest first; the last one runs everywhere.
std::span<const BitKernels> BitKernelsHere();

}  // namespace weir::vectors
