// The nearest rows of a space that is multi: each vector of the query is measured with all of a
// row's, and the distances to the nearest of them are added up. Every row that is eligible is
// measured. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/distance.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

// A query against one space, prepared once.
class MultiTarget {
 public:
  MultiTarget(const Space& space, std::span<const std::vector<float>> vectors);

  // Of a row that has vectors.
  float Distance(const SpaceView& space, uint32_t row) const;

 private:
  RowVectors rows_;
  size_t padded_;
  std::vector<float> prepared_;  // one vector behind the other
};

// The `count` nearest of the eligible rows (null: of all `rows`), each of which has vectors.
std::vector<Candidate> SearchMulti(const SpaceView& space, const MultiTarget& target,
                                   const Bitmap* eligible, uint32_t rows, size_t count);

}  // namespace weir::vectors
