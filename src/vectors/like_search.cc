#include "vectors/like_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vectors/multi_search.h"
#include "vectors/scan_search.h"

namespace weir::vectors {
namespace {

// What the examples say of one row.
struct Tally {
  float like = -std::numeric_limits<float>::infinity();  // the greatest similarity
  float unlike = -std::numeric_limits<float>::infinity();
  double sum = 0;

  void Add(float similarity, bool is_like) {
    float& greatest = is_like ? like : unlike;
    greatest = std::max(greatest, similarity);
    sum += is_like ? similarity : -similarity;
  }
  float Score(Likeness::Kind kind) const {
    if (kind == Likeness::Kind::kSum) return static_cast<float>(sum);
    return like > unlike ? Scaled(like) : -Scaled(unlike);
  }
  // Between 0 and 1.
  static float Scaled(float x) { return 0.5F * (x / (1 + std::fabs(x)) + 1); }
};

std::span<const std::vector<float>> VectorsOf(const Example& example) {
  return example.multi.empty() ? std::span(&example.vector, 1) : example.multi;
}

// The smaller a distance the greater the similarity, of every metric.
struct DenseSimilarity {
  Target target;
  DenseSimilarity(const Space& of, const Example& example) : target(of, example.vector) {}
  float Of(const SpaceView& space, uint32_t row) const {
    return -target.rows.Distance(target.prepared.data(), space.vectors.At(row));
  }
};
struct MultiSimilarity {
  MultiTarget target;
  MultiSimilarity(const Space& of, const Example& example) : target(of, VectorsOf(example)) {}
  float Of(const SpaceView& space, uint32_t row) const { return -target.Distance(space, row); }
};

template <class Similarity>
std::vector<Candidate> SearchAll(const SpaceView& space, const Space& of, const Likeness& likeness,
                                 const Bitmap& eligible, size_t count) {
  std::vector<Similarity> like, unlike;
  for (const Example& example : likeness.like) like.emplace_back(of, example);
  for (const Example& example : likeness.unlike) unlike.emplace_back(of, example);
  Best best(count);
  eligible.ForEach([&](size_t bit) {
    const auto row = static_cast<uint32_t>(bit);
    Tally tally;
    for (const Similarity& one : like) tally.Add(one.Of(space, row), true);
    for (const Similarity& one : unlike) tally.Add(one.Of(space, row), false);
    best.Show(-tally.Score(likeness.kind), row);
  });
  return best.Take();
}

}  // namespace

std::vector<Candidate> SearchLike(const SpaceView& space, const Space& of, const Likeness& likeness,
                                  const Bitmap& eligible, size_t count) {
  return of.multi ? SearchAll<MultiSimilarity>(space, of, likeness, eligible, count)
                  : SearchAll<DenseSimilarity>(space, of, likeness, eligible, count);
}

std::vector<Candidate> SearchLikeSparse(const SparseView& parts, const Likeness& likeness,
                                        const SparseAmong& among, const Bitmap& eligible,
                                        size_t count) {
  const size_t rows = eligible.size();
  std::vector<Tally> tallies(rows);
  std::vector<float> products(rows);
  const auto add = [&](const std::vector<Example>& examples, bool are_like) {
    for (const Example& example : examples) {
      std::ranges::fill(products, 0.0F);
      for (const Candidate& one : SearchSparse(parts, example.sparse, among, rows))
        products[one.row] = -one.distance;
      eligible.ForEach([&](size_t row) { tallies[row].Add(products[row], are_like); });
    }
  };
  add(likeness.like, true);
  add(likeness.unlike, false);
  Best best(count);
  eligible.ForEach([&](size_t row) {
    best.Show(-tallies[row].Score(likeness.kind), static_cast<uint32_t>(row));
  });
  return best.Take();
}

}  // namespace weir::vectors
