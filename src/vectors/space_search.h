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
  size_t usual_width = 0;  // that MeasureWidth gave; 0 where it was not asked yet
  Search search = Search::kAuto;
};

// The best first; min(count, eligible rows) of them.
std::vector<Candidate> FindNearest(const SpaceSearch& search, const Target& target,
                                   SearchCost& cost);

// How wide a beam has to be in this graph to find nearly all of the ten nearest, tried out with
// some of its rows as queries; how much that is depends on the vectors. Costs as much as some
// scans.
size_t MeasureWidth(const SpaceView& space, const Space& of, const Graph& graph,
                    const Bitmap& left_out);

}  // namespace weir::vectors
