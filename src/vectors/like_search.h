// The rows that are most like some examples and least like others (Likeness). Every row that is
// eligible is measured with every example. Pure; any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/sparse_index.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

// The best `count` of the eligible rows, each of which has a vector in the space; a candidate's
// distance is its score, negative.
std::vector<Candidate> SearchLike(const SpaceView& space, const Space& of, const Likeness& likeness,
                                  const Bitmap& eligible, size_t count);
// The same of a sparse space. `among` says of which rows idf's weights are.
std::vector<Candidate> SearchLikeSparse(const SparseView& parts, const Likeness& likeness,
                                        const SparseAmong& among, const Bitmap& eligible,
                                        size_t count);

}  // namespace weir::vectors
