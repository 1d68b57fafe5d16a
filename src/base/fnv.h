// FNV-1a with 64 bits (RFC 9923): a hash that is the same on every machine and in every version,
// for places of features, folds and versions of data. Not for secrets: whoever wants a collision
// gets one. A plain value.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

class Fnv1a {
 public:
  constexpr Fnv1a& Add(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<uint8_t>(c)) * kPrime;
    return *this;
  }
  // Its eight bytes, the lowest first.
  constexpr Fnv1a& Add(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8)
      value_ = (value_ ^ ((number >> shift) & 0xFF)) * kPrime;
    return *this;
  }
  // A unit in one step, as a byte is: faster than its bytes, and another value.
  constexpr Fnv1a& Mix(uint32_t unit) {
    value_ = (value_ ^ unit) * kPrime;
    return *this;
  }
  constexpr uint64_t value() const { return value_; }

 private:
  static constexpr uint64_t kPrime = 0x100000001B3ULL;
  uint64_t value_ = 0xCBF29CE484222325ULL;
};

}  // namespace weir
