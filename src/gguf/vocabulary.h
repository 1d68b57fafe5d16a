// The tokenizer part of the metadata: counts that must agree, texts that llama.cpp takes apart
// without looking, ids that it uses as indexes. Walks the arrays once; keeps 8 bytes for each token
// while it does.
//
// Bounds: kTokensMax tokens of kTokenBytesMax bytes, kMergesMax merges of kMergeBytesMax.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "gguf/info.h"
#include "gguf/metadata.h"
#include "gguf/source.h"

namespace weir::gguf {

inline constexpr uint64_t kTokensMax = uint64_t{1} << 21;
inline constexpr uint64_t kTokenBytesMax = 65536;
inline constexpr uint64_t kMergesMax = uint64_t{1} << 23;
inline constexpr uint64_t kMergeBytesMax = 65536;

// Empty Tokenizer where the file has none. `source` is moved about.
Result<Tokenizer> ReadTokenizer(Source& source, const Metadata& metadata);

}  // namespace weir::gguf
