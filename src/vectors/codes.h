// 8-bit codes of vectors and their inner products. A record is what lies in memory for one row: how
// to read its bytes, then one byte for each component (the component over `scale`, rounded, plus
// 128). A query is coded the same way, without the 128. The product of two codes is an exact
// integer sum, so every instruction set gives the same number. From it the distance of the vectors
// is estimated; what looks good is then measured exactly (distance.h).
//
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vectors/types.h"

namespace weir::vectors {

inline constexpr size_t kCodeBlock = 32;  // codes are padded to a multiple of it
inline constexpr size_t CodeBytes(size_t dimensions) {
  return (dimensions + kCodeBlock - 1) / kCodeBlock * kCodeBlock;
}

inline constexpr int kCodeZero = 128;  // the byte of a component that is 0

struct CodeHead {
  float scale;    // a component is about its byte less 128, times this
  float squares;  // of the vector's length, exactly
};
inline constexpr size_t RecordBytes(size_t dimensions) {
  return sizeof(CodeHead) + CodeBytes(dimensions);
}
inline const CodeHead& HeadOf(const std::byte* record) {
  return *reinterpret_cast<const CodeHead*>(record);
}

// Writes the record of a vector that Prepare (distance.h) made.
void Encode(std::span<const float> prepared, size_t dimensions, std::byte* record);

// A query as the kernels take it.
struct CodeQuery {
  CodeQuery(Metric metric, std::span<const float> prepared, size_t dimensions);
  // A row as a query: what building a graph compares rows with.
  CodeQuery(Metric metric, const std::byte* record, size_t dimensions);
  // The same for another row of the same space.
  void Become(const std::byte* record);

  // What an integer product means as a distance.
  float Estimate(const CodeHead& head, int32_t product) const {
    const float dot = scale * head.scale * static_cast<float>(product);
    return metric == Metric::kL2 ? squares + head.squares - 2 * dot : -dot;
  }

  Metric metric;
  float scale = 0;
  float squares = 0;
  int32_t offset = 0;         // 128 times the sum of the bytes: what the 128 in each code adds
  std::vector<int8_t> bytes;  // CodeBytes() of them, from -127 to 127
};

struct CodeKernels {
  std::string_view name;
  // products[i] = the sum over j of (records[i].code[j] - 128) * query.bytes[j].
  void (*products)(const CodeQuery& query, const std::byte* const* records, size_t count,
                   int32_t* products);
  // Takes the 128 off each byte of a code; returns the sum of what is left.
  int32_t (*signed_bytes)(const uint8_t* code, int8_t* bytes, size_t size);
};

// What kernels over bytes or bits need beyond AVX2. False on other architectures.
bool HasAvx512Vnni();

// What this machine can run, the fastest first; the last one runs everywhere.
std::span<const CodeKernels> CodeKernelsHere();

}  // namespace weir::vectors
