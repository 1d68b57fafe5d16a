// The nearest rows by computing every distance. Pure; any thread.
#pragma once

#include <optional>
#include <vector>

#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

// The `count` nearest to `prepared` (distance.h), the best first, among all rows or those of
// `eligible`.
std::vector<Candidate> SearchExactly(const View& view, size_t space, Metric metric,
                                     const float* prepared, size_t padded,
                                     const std::optional<Bitmap>& eligible, size_t count);

}  // namespace weir::vectors
