#include "engine/shortening.h"

#include <algorithm>
#include <array>
#include <string>

namespace weir::engine {
namespace {

struct Trained {
  std::string_view name;  // that a model's name contains, in small letters with hyphens
  int32_t dimensions_min;
};

// As the model cards say.
constexpr std::array kTrained = {
    Trained{"embeddinggemma", 128},
    Trained{"nomic-embed-text-v1.5", 64},
    Trained{"nomic-embed-text-v2", 256},
    Trained{"qwen3-embedding", 32},
    Trained{"jina-embeddings-v3", 32},
    Trained{"snowflake-arctic-embed-m-v2", 256},
    Trained{"snowflake-arctic-embed-l-v2", 256},
};

std::string Plain(std::string_view name) {
  std::string plain(name);
  for (char& c : plain) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ' || c == '_') c = '-';
  }
  return plain;
}

}  // namespace

int32_t DimensionsMin(std::string_view architecture, std::string_view name) {
  if (architecture == "gemma-embedding") return 128;
  const std::string plain = Plain(name);
  const auto* found = std::ranges::find_if(
      kTrained, [&](const Trained& each) { return plain.contains(each.name); });
  return found == kTrained.end() ? 0 : found->dimensions_min;
}

}  // namespace weir::engine
