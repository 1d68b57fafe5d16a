// The facts of the model itself: layers, heads, lengths, pooling, template. Each is held against
// the bounds that llama.cpp asserts (layers, experts, rope) and against the others (heads divide,
// the vocabulary fits its matrix).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "gguf/info.h"
#include "gguf/metadata.h"
#include "gguf/source.h"
#include "gguf/tensors.h"

namespace weir::gguf {

inline constexpr uint64_t kLayersMax = 512;
inline constexpr uint64_t kHeadsMax = 8192;
inline constexpr uint64_t kHeadLengthMax = 65536;
inline constexpr uint64_t kEmbeddingMax = uint64_t{1} << 20;
inline constexpr uint64_t kContextMax = uint64_t{1} << 30;
inline constexpr uint64_t kExpertsMax = 1024;
inline constexpr uint64_t kSplitsMax = 1000;
inline constexpr uint64_t kTemplateBytesMax = kKeptBytesMax;
inline constexpr uint64_t kTemplatesMax = 16;

// architecture, kind, names, file type, split. First, since it tells what else has to be there.
Result<void> ReadGeneral(const Metadata& metadata, const TensorTable& tensors, Info& info);

// Hyperparameters of a kModel, from the keys below its architecture. `info.tokenizer` is there
// already.
Result<void> ReadHyperparameters(Source& source, const Metadata& metadata,
                                 const TensorTable& tensors, Info& info);

Result<void> ReadTemplates(Source& source, const Metadata& metadata, Info& info);

// After everything else.
Capabilities Guess(const Info& info);

}  // namespace weir::gguf
