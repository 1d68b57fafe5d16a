#include "routing/neighbours.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/fnv.h"
#include "routing/draft_check.h"
#include "routing/refit.h"

namespace weir::routing {
namespace {

constexpr int32_t kOne = 127;    // a rounded 1
constexpr int32_t kPrior = 5;    // neighbours that the prediction is worth
constexpr int64_t kMargin = 50;  // a fiftieth better may be luck no more

int64_t SquaredError(int32_t chance, bool right) {
  const int64_t error = chance - (right ? kCertain : 0);
  return error * error;
}

}  // namespace

RoundedVector Rounded(std::span<const float> unit_vector) {
  RoundedVector rounded;
  rounded.reserve(unit_vector.size());
  for (const float value : unit_vector) {
    const float bounded = std::isnan(value) ? 0.0F : std::clamp(value, -1.0F, 1.0F);
    rounded.push_back(static_cast<int8_t>(std::lround(bounded * kOne)));
  }
  return rounded;
}

int32_t Similarity(const RoundedVector& a, const RoundedVector& b) {
  if (a.size() != b.size()) return 0;
  int32_t sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += int32_t{a[i]} * b[i];
  return static_cast<int32_t>(int64_t{sum} * kCertain / (kOne * kOne));
}

uint64_t SpaceOf(std::string_view tenant, std::string_view model) {
  return Fnv1a().Add(tenant).Add(std::string_view("\0", 1)).Add(model).value();
}

Prediction NeighbourVote::Apply(const Prediction& predicted) const {
  if (abstains()) return predicted;
  const int64_t chance = (int64_t{kPrior} * predicted.small_right + int64_t{kCertain} * right) /
                         (kPrior + int64_t{near});
  return predicted.WithSmallRight(static_cast<int32_t>(chance));
}

Neighbours::Neighbours(std::vector<Neighbour> all) : all_(std::move(all)) {
  if (all_.size() > kMax) all_.resize(kMax);
}

NeighbourVote Neighbours::Vote(const PromptPlace& place, std::string_view without) const {
  struct Near {
    int32_t similarity = 0;
    const Neighbour* neighbour = nullptr;
  };
  std::vector<Near> near;
  NeighbourVote vote;
  for (const Neighbour& one : all_) {
    if (one.place.space != place.space || one.id == without) continue;
    const int32_t similarity = Similarity(one.place.vector, place.vector);
    vote.nearest = std::max(vote.nearest, similarity);
    if (similarity >= kNearMin) near.push_back({similarity, &one});
  }
  std::ranges::sort(near, [](const Near& a, const Near& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity
                                        : a.neighbour->id < b.neighbour->id;
  });
  if (near.size() > kVotersMax) near.resize(kVotersMax);
  for (const Near& one : near) vote.right += one.neighbour->right ? 1 : 0;
  vote.near = static_cast<int32_t>(near.size());
  vote.nearest = std::min(vote.nearest, kCertain);  // rounding may make a little more of it
  return vote;
}

Neighbours::Judgement Neighbours::Judge(const Refit& refit) const {
  Judgement judgement{.known = all_.size()};
  const size_t count = std::min(all_.size(), kJudgedMax);
  for (size_t i = 0; i < count; ++i) {
    const Neighbour& one = all_[i];
    const NeighbourVote vote = Vote(one.place, one.id);
    if (vote.abstains()) continue;
    const Prediction predicted = refit.Apply({.small_right = one.predicted});
    ++judgement.judged;
    judgement.predicted_loss += SquaredError(predicted.small_right, one.right);
    judgement.voted_loss += SquaredError(vote.Apply(predicted).small_right, one.right);
  }
  if (judgement.judged < kJudgedMin) {
    judgement.why =
        fmt::format("{} outcomes with {} near neighbours are known, {} are needed; nobody votes",
                    judgement.judged, NeighbourVote::kVotersMin, kJudgedMin);
    return judgement;
  }
  judgement.adopted =
      judgement.voted_loss < judgement.predicted_loss - judgement.predicted_loss / kMargin;
  judgement.predicted_loss /= static_cast<int64_t>(judgement.judged);
  judgement.voted_loss /= static_cast<int64_t>(judgement.judged);
  judgement.why = fmt::format(
      "with the others' votes each of {} outcomes is off by {:.4f}, without by {:.4f} (mean "
      "squared error): {}",
      judgement.judged, static_cast<double>(judgement.voted_loss) / 1e8,
      static_cast<double>(judgement.predicted_loss) / 1e8,
      judgement.adopted ? "they vote" : "not clearly better, nobody votes");
  return judgement;
}

}  // namespace weir::routing
