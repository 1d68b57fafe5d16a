// What a client says of a file in a collection, beside its content, and how it asks for files by
// that: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/variant.h"

namespace weir::chat {

using AttributeValue = Variant<bool, int64_t, double, std::string>;
using Attributes = std::map<std::string, AttributeValue>;

struct AttributeLimits {
  static constexpr size_t kCount = 16;
  static constexpr size_t kKeyBytes = 64;
  static constexpr size_t kValueCharacters = 512;
  static constexpr size_t kFilterDepth = 8;
  static constexpr size_t kFilterParts = 128;    // of a filter, with those inside
  static constexpr size_t kFilterValues = 1024;  // of one "in"
};

// Numbers are compared by value; ordered comparisons are for numbers. What is not one of the values
// (kNotEqual, kNotIn) may also be absent.
struct AttributeFilter {
  enum class Kind : uint8_t {
    kEqual,
    kNotEqual,
    kGreater,
    kGreaterOrEqual,
    kLess,
    kLessOrEqual,
    kIn,
    kNotIn,
    kAnd,
    kOr,
  };
  Kind kind = Kind::kAnd;
  std::string key = {};
  std::vector<AttributeValue> values = {};  // one, but for kIn and kNotIn
  std::vector<AttributeFilter> parts = {};  // of kAnd and kOr; none at all matches everything

  bool operator==(const AttributeFilter&) const = default;
};

// How large the chunks of a file are. 0 tokens: as our own measurements say.
struct Chunking {
  static constexpr int64_t kTokensMin = 100;
  static constexpr int64_t kTokensMax = 4096;
  int64_t tokens = 0;   // the most that a chunk has
  int64_t overlap = 0;  // of the chunk before, at most half of them

  bool operator==(const Chunking&) const = default;
};

}  // namespace weir::chat
