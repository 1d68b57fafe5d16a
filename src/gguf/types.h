// The numbers that GGUF files use for types, as ggml has them, and what a tensor type weighs.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::gguf {

enum class ValueType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
inline constexpr uint32_t kValueTypeCount = 13;

// Bytes of one value; 0 for strings and arrays.
uint32_t ValueBytes(ValueType type);

struct TensorType {
  uint32_t number;
  std::string_view name;  // "Q4_K"
  uint32_t block;         // elements in a block
  uint32_t block_bytes;
};

// Null for numbers that were never assigned or whose support was removed.
const TensorType* FindTensorType(uint32_t number);

// general.file_type as people write it ("Q4_K_M"); empty when unknown.
std::string_view FileTypeName(uint64_t number);

}  // namespace weir::gguf
