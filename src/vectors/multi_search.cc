#include "vectors/multi_search.h"

#include <algorithm>
#include <limits>

namespace weir::vectors {

MultiTarget::MultiTarget(const Space& space, std::span<const std::vector<float>> vectors)
    : rows_(space), padded_(Padded(space.dimensions)), prepared_(padded_ * vectors.size()) {
  for (size_t i = 0; i < vectors.size(); ++i)
    Prepare(space.metric, vectors[i], prepared_.data() + i * padded_);
}

float MultiTarget::Distance(const SpaceView& space, uint32_t row) const {
  const auto& span = space.spans.As<SpaceView::Span>(row);
  double sum = 0;
  for (size_t at = 0; at < prepared_.size(); at += padded_) {
    float nearest = std::numeric_limits<float>::infinity();
    for (uint32_t i = 0; i < span.count; ++i) {
      const std::byte* vector = space.vectors.At(span.first + i);
      nearest = std::min(nearest, rows_.Distance(prepared_.data() + at, vector));
    }
    sum += nearest;
  }
  return static_cast<float>(sum);
}

std::vector<Candidate> SearchMulti(const SpaceView& space, const MultiTarget& target,
                                   const Bitmap* eligible, uint32_t rows, size_t count) {
  Best best(count);
  const auto show = [&](size_t bit) {
    const auto row = static_cast<uint32_t>(bit);
    best.Show(target.Distance(space, row), row);
  };
  if (eligible != nullptr) {
    eligible->ForEach(show);
  } else {
    for (uint32_t row = 0; row < rows; ++row) show(row);
  }
  return best.Take();
}

}  // namespace weir::vectors
