#include "routing/refit.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "base/fnv.h"
#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"
#include "routing/draft_check.h"

namespace weir::routing {
namespace {

constexpr json::Limits kLimits = {.depth = 8, .bytes = size_t{64} << 10, .values = 1024};
constexpr size_t kBins = 20;     // of as many outcomes each
constexpr size_t kBinMin = 10;   // outcomes
constexpr int64_t kMargin = 50;  // a part of the shipped loss
constexpr int64_t kPrior = 5;    // outcomes that a bin starts with, as predicted

bool Rises(const std::vector<Refit::Step>& steps) {
  for (size_t i = 1; i < steps.size(); ++i) {
    if (steps[i].predicted <= steps[i - 1].predicted || steps[i].right < steps[i - 1].right) {
      return false;
    }
  }
  return true;
}

// Neighbouring outcomes together, as the pool-adjacent-violators algorithm merges them.
struct Block {
  int64_t count = 0;
  int64_t predicted = 0;  // sum
  int64_t right = 0;      // sum, in 1/10,000, with the prior
  int64_t weight = 0;     // count and prior

  int32_t at() const { return static_cast<int32_t>(predicted / count); }
  int32_t chance() const { return static_cast<int32_t>(right / weight); }
  void Add(const Block& other) {
    count += other.count;
    predicted += other.predicted;
    right += other.right;
    weight += other.weight;
  }
};

Refit Fit(std::vector<LearnFrom> outcomes) {
  std::ranges::sort(outcomes, [](const LearnFrom& a, const LearnFrom& b) {
    return a.predicted != b.predicted ? a.predicted < b.predicted : a.id < b.id;
  });
  const size_t bins = std::clamp<size_t>(outcomes.size() / kBinMin, 1, kBins);
  std::vector<Block> blocks;
  for (size_t bin = 0; bin < bins; ++bin) {
    Block block;
    const size_t end = outcomes.size() * (bin + 1) / bins;
    for (size_t i = outcomes.size() * bin / bins; i < end; ++i) {
      ++block.count;
      block.predicted += outcomes[i].predicted;
      block.right += outcomes[i].right ? kCertain : 0;
    }
    if (block.count == 0) continue;
    block.weight = block.count + kPrior;
    block.right += kPrior * (block.predicted / block.count);
    blocks.push_back(block);
    // What falls, or lies at the same place, is one block.
    while (blocks.size() > 1 && (blocks.back().chance() < blocks[blocks.size() - 2].chance() ||
                                 blocks.back().at() <= blocks[blocks.size() - 2].at())) {
      const Block last = blocks.back();
      blocks.pop_back();
      blocks.back().Add(last);
    }
  }
  std::vector<Refit::Step> steps;
  for (const Block& block : blocks) steps.push_back({block.at(), block.chance()});
  return Refit(std::move(steps));
}

size_t FoldOf(const LearnFrom& outcome) {
  return Fnv1a().Add(outcome.id).value() % Learned::kFolds;
}

int64_t SquaredError(int32_t chance, bool right) {
  const int64_t error = chance - (right ? kCertain : 0);
  return error * error;
}

}  // namespace

Refit::Refit(std::vector<Step> steps) : steps_(std::move(steps)) {
  CHECK(steps_.size() <= kStepsMax && Rises(steps_), "a refit rises");
}

Result<Refit> Refit::Parse(std::string_view text) {
  auto document = json::Parse(text, kLimits);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  fields.Require().Int("version", 1, 1);
  std::vector<Step> steps;
  const json::Array* all = fields.Require().List("steps", kStepsMax);
  for (size_t i = 0; all != nullptr && i < all->size(); ++i) {
    json::Fields step(problem, (*all)[i], fields.PathOf("steps", i));
    steps.push_back({static_cast<int32_t>(step.Require().Int("predicted", 0, kCertain).value_or(0)),
                     static_cast<int32_t>(step.Require().Int("right", 0, kCertain).value_or(0))});
    step.RefuseUnread();
  }
  fields.RefuseUnread();
  if (!problem && !Rises(steps)) fields.Refuse("steps", "does not rise");
  if (problem) return Fail(problem.Take());
  return Refit(std::move(steps));
}

std::string Refit::Print() const {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject().Field("version", 1).Key("steps").BeginArray();
  for (const Step& step : steps_) {
    writer.BeginObject().Field("predicted", step.predicted).Field("right", step.right).EndObject();
  }
  writer.EndArray().EndObject();
  return text;
}

Prediction Refit::Apply(const Prediction& shipped) const {
  if (steps_.empty()) return shipped;
  const int32_t at = shipped.small_right;
  int32_t right = 0;
  if (at <= steps_.front().predicted) {
    // Beyond its ends the map is moved, not levelled: what was harder stays harder.
    right = at + steps_.front().right - steps_.front().predicted;
  } else if (at >= steps_.back().predicted) {
    right = at + steps_.back().right - steps_.back().predicted;
  } else {
    const auto above = std::ranges::upper_bound(steps_, at, {}, &Step::predicted);
    const Step& low = *std::prev(above);
    right =
        static_cast<int32_t>(low.right + int64_t{above->right - low.right} * (at - low.predicted) /
                                             (above->predicted - low.predicted));
  }
  return shipped.WithSmallRight(right);
}

Learned Learn(const std::vector<LearnFrom>& outcomes) {
  Learned learned{.outcomes = outcomes.size()};
  learned.right = static_cast<size_t>(
      std::ranges::count_if(outcomes, [](const auto& one) { return one.right; }));
  if (outcomes.size() < Learned::kOutcomesMin) {
    learned.why = fmt::format("{} outcomes are known, {} are needed; what is shipped stays",
                              outcomes.size(), Learned::kOutcomesMin);
    return learned;
  }
  for (size_t fold = 0; fold < Learned::kFolds; ++fold) {
    std::vector<LearnFrom> others;
    for (const LearnFrom& one : outcomes) {
      if (FoldOf(one) != fold) others.push_back(one);
    }
    const Refit map = Fit(std::move(others));
    for (const LearnFrom& one : outcomes) {
      if (FoldOf(one) != fold) continue;
      const Prediction shipped{.small_right = one.predicted};
      learned.shipped_loss += SquaredError(one.predicted, one.right);
      learned.refit_loss += SquaredError(map.Apply(shipped).small_right, one.right);
    }
  }
  // A little better may be luck.
  learned.adopted = learned.refit_loss < learned.shipped_loss - learned.shipped_loss / kMargin;
  const auto count = static_cast<int64_t>(outcomes.size());
  learned.shipped_loss /= count;
  learned.refit_loss /= count;
  if (learned.adopted) learned.refit = Fit(outcomes);
  learned.why = fmt::format(
      "on outcomes that it was not fitted on, the refit is off by {:.4f} and what is shipped by "
      "{:.4f} (mean squared error): {}",
      static_cast<double>(learned.refit_loss) / 1e8,
      static_cast<double>(learned.shipped_loss) / 1e8,
      learned.adopted ? "adopted" : "not clearly better, what is shipped stays");
  return learned;
}

}  // namespace weir::routing
