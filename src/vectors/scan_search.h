// The nearest rows by their codes, the best of them measured exactly; and by measuring all of
// them. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/codes.h"
#include "vectors/distance.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

// A query against one space, prepared once.
struct Target {
  Target(const Space& space, std::span<const float> vector);

  RowVectors rows;
  Codes codes;
  std::vector<float> prepared;
  CodeQuery code;  // of the vector rotated, where the codes are bits
};

// How many candidates are measured exactly for `count` results: the more the coarser the codes.
size_t RefineCount(size_t count, Codes codes);

// Shows `best` the estimates of the rows of [from, to) that are eligible (null: all are).
void ScanCodes(const SpaceView& space, const Target& target, const Bitmap* eligible, uint32_t from,
               uint32_t to, Best& best);
// The `count` nearest of `rows` rows with every distance computed.
std::vector<Candidate> SearchExactly(const SpaceView& space, const Target& target,
                                     const Bitmap* eligible, uint32_t rows, size_t count);
// Candidates by estimate become the `count` best by distance.
std::vector<Candidate> Refine(const SpaceView& space, const Target& target,
                              std::span<const Candidate> candidates, size_t count);

}  // namespace weir::vectors
