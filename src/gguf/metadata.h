// The key-value part of a GGUF file. Scalars and short strings are kept; of arrays only what they
// are and where they lie, so that a vocabulary of any size costs nothing: whoever needs one walks
// it with Array's functions.
//
// Bounds: kKeysMax keys of kKeyBytesMax bytes, arrays of kArrayMax elements, strings of
// kStringBytesMax, of which kKeptBytesMax are kept (a chat template fits). Arrays inside arrays are
// refused, as in llama.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "gguf/source.h"
#include "gguf/types.h"

namespace weir::gguf {

inline constexpr uint64_t kKeysMax = 4096;
inline constexpr uint64_t kKeyBytesMax = 1024;
inline constexpr uint64_t kArrayMax = uint64_t{1} << 24;
inline constexpr uint64_t kStringBytesMax = uint64_t{64} << 20;
inline constexpr uint64_t kKeptBytesMax = uint64_t{256} << 10;     // of one string
inline constexpr uint64_t kKeptBytesTotalMax = uint64_t{8} << 20;  // of all

struct Array {
  ValueType type = ValueType::kU8;
  uint64_t count = 0;
  uint64_t position = 0;  // of the first element in the file
};

// A string too long to keep.
struct LongString {
  uint64_t bytes = 0;
};

// Integers of every width become int64 or uint64, floats double.
using Value = std::variant<uint64_t, int64_t, double, bool, std::string, LongString, Array>;

class Metadata {
 public:
  // Reads `count` pairs from where `source` stands.
  static Result<Metadata> Read(Source& source, uint64_t count);

  // Null when there is no such key.
  const Value* Find(std::string_view key) const;
  // The scalar, nullopt without the key, an error when it has another type or does not fit.
  Result<std::optional<uint64_t>> Unsigned(std::string_view key, uint64_t max) const;
  Result<std::optional<double>> Float(std::string_view key) const;  // finite
  Result<std::optional<bool>> Bool(std::string_view key) const;
  // Valid UTF-8 without NUL, at most `bytes_max` of it.
  Result<std::optional<std::string>> String(std::string_view key, uint64_t bytes_max) const;
  Result<std::optional<Array>> ArrayOf(std::string_view key) const;

  const std::map<std::string, Value, std::less<>>& pairs() const { return pairs_; }

 private:
  std::map<std::string, Value, std::less<>> pairs_;
};

// A length-prefixed string, at most `bytes_max` long; `into` is reused.
Result<void> ReadString(Source& source, uint64_t bytes_max, std::string_view what,
                        std::string& into);

// Calls `see` with each element in order; `see` returns an error to stop. Strings longer than
// `bytes_max` are errors.
Result<void> WalkStrings(Source& source, const Array& array, uint64_t bytes_max,
                         std::string_view key,
                         const std::function<Result<void>(uint64_t, std::string_view)>& see);
// Integer arrays of any width, as int64; an error when a U64 does not fit.
Result<void> WalkIntegers(Source& source, const Array& array, std::string_view key,
                          const std::function<Result<void>(uint64_t, int64_t)>& see);

}  // namespace weir::gguf
