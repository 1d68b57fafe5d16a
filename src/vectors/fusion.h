// Two ranked lists made one. Pure; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "vectors/best.h"
#include "vectors/types.h"

namespace weir::vectors {

// Lists with the best first; distances order them, smaller is better, and mean nothing to each
// other. The result has the negative fused score as distance, the best `count` first.
std::vector<Candidate> Fuse(const Blend& blend, std::span<const Candidate> by_vector,
                            std::span<const Candidate> by_words, size_t count);

}  // namespace weir::vectors
