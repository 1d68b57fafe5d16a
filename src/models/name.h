// What a model is called: `[namespace/]model[:tag]`, of letters, digits, '.', '_' and '-', each
// part from a letter or digit on. Case is folded, Ollama's own namespace "library" left out.
// Nothing else gets through, and FolderOf (models/folder.h) makes no path of a name.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::models {

inline constexpr size_t kNamePartBytesMax = 96;
inline constexpr std::string_view kDefaultTag = "latest";

struct Name {
  std::string model;  // with its namespace, if it has one: "me/small"
  std::string tag;    // empty when the text had none; names of stored models always have one

  std::string ToString() const { return tag.empty() ? model : model + ":" + tag; }
  auto operator<=>(const Name&) const = default;
};

// kInvalidArgument with param "model" when the text breaks the grammar.
Result<Name> ParseName(std::string_view text);

// Exactly 64 lower case hexadecimal digits.
bool IsSha256(std::string_view text);

}  // namespace weir::models
