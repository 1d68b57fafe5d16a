// What a prediction looks at in a prompt: its shape (length, digits, symbols, code, form of the
// question, options, script) and its words and pairs of words, each hashed to one of a fixed number
// of places. The same text gives the same places on every machine; no text is kept. Pure; a few
// microseconds for a page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "routing/task_kind.h"

namespace weir::routing {

inline constexpr uint32_t kFeaturePlaces = 8192;
inline constexpr size_t kFeatureBytes = size_t{16}
                                        << 10;  // of a text are read; the rest counts as length
inline constexpr size_t kFeatureWords = 1024;

struct PromptFeatures {
  TaskKind kind = TaskKind::kGeneral;
  int32_t length = 0;                // log2 of the bytes, in 1/1,024, between powers on a line
  bool options = false;              // answers to choose from are listed
  std::vector<uint16_t> shape = {};  // places, rising, each once
  std::vector<uint16_t> words = {};  // the same
  bool operator==(const PromptFeatures&) const = default;
};
PromptFeatures FeaturesOfPrompt(std::string_view text);

}  // namespace weir::routing
