#include "vectors/exact_search.h"

#include "vectors/distance.h"

namespace weir::vectors {

std::vector<Candidate> SearchExactly(const View& view, size_t space, Metric metric,
                                     const float* prepared, size_t padded,
                                     const std::optional<Bitmap>& eligible, size_t count) {
  const ExactDistance distance = DistanceFor(metric);
  const RowArray::View& vectors = view.spaces[space].vectors;
  Best best(count);
  const auto show = [&](uint32_t row) {
    best.Show(distance(prepared, reinterpret_cast<const float*>(vectors.At(row)), padded), row);
  };
  if (eligible) {
    eligible->ForEach([&](size_t row) { show(static_cast<uint32_t>(row)); });
  } else {
    for (uint32_t row = 0; row < view.rows; ++row) show(row);
  }
  return best.Take();
}

}  // namespace weir::vectors
