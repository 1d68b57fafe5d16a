#include "vectors/fusion.h"

#include <unordered_map>

namespace weir::vectors {
namespace {

using Scores = std::unordered_map<uint32_t, float>;

// The best counts 1, the last 0, those between by their distance.
void AddScaled(Scores& scores, std::span<const Candidate> list, float weight) {
  if (list.empty()) return;
  const float best = list.front().distance;
  const float range = list.back().distance - best;
  for (const Candidate& candidate : list) {
    scores[candidate.row] += weight * (range > 0 ? 1 - (candidate.distance - best) / range : 1.0F);
  }
}

void AddRanks(Scores& scores, std::span<const Candidate> list, float weight, float constant) {
  for (size_t rank = 0; rank < list.size(); ++rank) {
    scores[list[rank].row] += weight / (constant + static_cast<float>(rank) + 1);
  }
}

}  // namespace

std::vector<Candidate> Fuse(const Blend& blend, std::span<const Candidate> by_vector,
                            std::span<const Candidate> by_words, size_t count) {
  Scores scores;
  if (blend.kind == Blend::Kind::kScaled) {
    AddScaled(scores, by_vector, blend.vector_weight);
    AddScaled(scores, by_words, blend.words_weight);
  } else {
    AddRanks(scores, by_vector, blend.vector_weight, blend.rank_constant);
    AddRanks(scores, by_words, blend.words_weight, blend.rank_constant);
  }
  Best best(count);
  for (const auto& [row, score] : scores) best.Show(-score, row);
  return best.Take();
}

}  // namespace weir::vectors
