// A graph on the disk: what it was built over, and its links. It helps to open quickly and is never
// needed: what does not fit the tables is not taken, and a new one is built.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "vectors/graph.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

struct GraphPlace {
  std::filesystem::path folder;  // of the index files
  int64_t collection = 0;
  size_t space = 0;  // its place in the view
  size_t slot = 0;   // and in the tables

  std::filesystem::path File() const;
};

Result<void> WriteGraph(const GraphPlace& place, const Space& space, const View& view,
                        const Graph& graph);
// The graph with the rows of `view`. Rows that the file knows and the tables do not were deleted
// since. An Error when the file is not whole, or not of these rows.
Result<Graph> ReadGraph(const GraphPlace& place, const Space& space, const View& view);

// Which row of `to` each row of `from` has become; Graph::kNone for those that are gone.
std::vector<uint32_t> NewNumbers(const View& from, const View& to);

}  // namespace weir::vectors
