// What a model is called: `model:tag`, both lower case letters, digits, '.', '_' and '-', starting
// with a letter or digit. Upper case is folded. Nothing else gets through, so that a name can never
// become a path out of the store.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::models {

inline constexpr size_t kNamePartBytesMax = 96;
inline constexpr std::string_view kDefaultTag = "latest";

struct Name {
  std::string model;
  std::string tag;  // empty when the text had none; names of stored models always have one

  std::string ToString() const { return tag.empty() ? model : model + ":" + tag; }
  auto operator<=>(const Name&) const = default;
};

// kInvalidArgument with param "model" when the text breaks the grammar.
Result<Name> ParseName(std::string_view text);

// Exactly 64 lower case hexadecimal digits.
bool IsSha256(std::string_view text);

}  // namespace weir::models
