// What an engine runs with where its settings say nothing (zero in EngineSettings): the engine uses
// it, and who estimates beforehand what a model will take (models/footprint.h).
#pragma once

#include <cstdint>

namespace weir::wire {

// KV cells: enough for several conversations, small enough for a laptop.
inline constexpr int32_t kContextTokensDefault = 16'384;
inline constexpr int32_t kBatchTokensDefault = 512;  // of one step
// Rows of a step of which somebody reads the logits: each is a float for every entry of the
// vocabulary.
inline constexpr int32_t kOutputsMax = 64;
// The longest text of a model that only embeds. It is computed in one piece.
inline constexpr int32_t kEmbedTokensMax = 8'192;

}  // namespace weir::wire
