// The tensor table of a GGUF file. Checked as llama.cpp lays files out: tensors follow one another
// without gap or overlap, each start aligned, the last one inside the file. Names are kept for the
// checks of the model; data is not read.
//
// Bounds: kTensorsMax tensors, names of kTensorNameMax bytes, kDimensionsMax dimensions of at
// least 1.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gguf/source.h"
#include "gguf/types.h"

namespace weir::gguf {

inline constexpr uint64_t kTensorsMax = 65536;
inline constexpr uint64_t kTensorNameMax = 63;
inline constexpr uint32_t kDimensionsMax = 4;
inline constexpr uint64_t kAlignmentDefault = 32;
inline constexpr uint64_t kAlignmentMin = 8;
inline constexpr uint64_t kAlignmentMax = 65536;

using Shape =
    std::array<uint64_t, kDimensionsMax>;  // innermost first; 1 where there is no such dimension

class TensorTable {
 public:
  // Reads `count` entries from where `source` stands, then holds their data against the rest of the
  // file.
  static Result<TensorTable> Read(Source& source, uint64_t count, uint64_t alignment);

  const Shape* Find(std::string_view name) const;
  const std::map<std::string, Shape, std::less<>>& shapes() const { return shapes_; }
  uint64_t elements() const { return elements_; }
  uint64_t bytes() const { return bytes_; }
  // The type that most bytes have; empty without tensors.
  std::string_view MainType() const;

 private:
  Result<void> ReadEntry(Source& source, uint64_t alignment);

  std::map<std::string, Shape, std::less<>> shapes_;
  std::map<std::string_view, uint64_t> bytes_of_type_;
  uint64_t elements_ = 0;
  uint64_t bytes_ = 0;        // without padding
  uint64_t next_offset_ = 0;  // where the next tensor has to start, from the start of the data
  uint64_t data_end_ = 0;     // where the last tensor ends, likewise
};

}  // namespace weir::gguf
