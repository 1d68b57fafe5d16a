// One search in one space: chooses between measuring everything, scanning codes and walking the
// graph, and falls back to the scan where the graph did not find enough. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/graph.h"
#include "vectors/scan_search.h"
#include "vectors/search_cost.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

struct SpaceSearch {
  const SpaceView& space;
  uint32_t rows;           // of the view
  const Graph* graph;      // of the first rows; may be null
  const Bitmap* eligible;  // null: all rows are
  size_t count;            // how many are wanted
  size_t width = 0;        // of the beam; 0 chooses one
  Search search = Search::kAuto;
};

// The best first; min(count, eligible rows) of them.
std::vector<Candidate> FindNearest(const SpaceSearch& search, const Target& target,
                                   SearchCost& cost);

}  // namespace weir::vectors
