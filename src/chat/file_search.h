// That an answer is to rest on passages of collections: OpenAI's file_search tool, as a plain
// value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chat/attributes.h"

namespace weir::chat {

struct FileSearch {
  static constexpr size_t kCollectionsMax = 8;
  static constexpr size_t kHitsMax = 50;
  static constexpr size_t kContextTokensMax = 32'768;

  std::vector<std::string> collections = {};  // searched together
  size_t hits = 6;
  // Of all passages together: hits are widened by what stands around them as far as it goes. 0:
  // hits alone.
  size_t context_tokens = 1'500;
  float vector_weight = 0.25F;  // the words' weight is what is left to 1
  float score_threshold = 0;    // 0 to 1
  bool rerank = true;           // a model of this machine ranks what is found, where there is one
  bool rewrite = false;         // a model of this machine makes a query of the question first
  AttributeFilter filter = {};  // of the files that passages may come from; empty: all

  bool operator==(const FileSearch&) const = default;
};

}  // namespace weir::chat
