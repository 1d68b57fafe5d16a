// The prediction, refitted to what became of this machine's own answers: a rising map from the
// predicted chance that a small model is right to the chance that its answers were. It is learnt by
// `weir route learn` (Learn), kept as a file in the data folder, and never leaves the machine.
//
// A refit is adopted only where it is better than what is shipped on outcomes that it was not
// fitted on: they are dealt into kFolds by their ids, each fold is judged by a map of the others,
// and the sum of the squared errors must be smaller by a fiftieth. Who learns twice from the same
// outcomes gets the same map.
//
// Pure, and integers throughout: the same outcomes give the same map on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "routing/prediction.h"

namespace weir::routing {

// An answer of a target below the cloud that is known to have been right or wrong.
struct LearnFrom {
  std::string id = {};    // of the decision
  int32_t predicted = 0;  // Prediction::small_right, as shipped; 1/10,000
  bool right = false;
};

class Refit {
 public:
  static constexpr size_t kStepsMax = 64;

  struct Step {
    int32_t predicted = 0;  // 1/10,000
    int32_t right = 0;
    bool operator==(const Step&) const = default;
  };

  // Nothing was learnt: every prediction stays as it is.
  Refit() = default;
  // `steps` rise in both.
  explicit Refit(std::vector<Step> steps);

  // kInvalidArgument names the field that is wrong.
  static Result<Refit> Parse(std::string_view json);
  std::string Print() const;

  // The gain shrinks or grows with the chance that the small model is wrong.
  Prediction Apply(const Prediction& shipped) const;
  const std::vector<Step>& steps() const { return steps_; }
  bool operator==(const Refit&) const = default;

 private:
  std::vector<Step> steps_ = {};
};

struct Learned {
  static constexpr size_t kOutcomesMin = 50;
  static constexpr size_t kFolds = 5;

  size_t outcomes = 0;
  size_t right = 0;
  int64_t shipped_loss = 0;  // mean squared error over the held-out folds, in 1e-8
  int64_t refit_loss = 0;
  bool adopted = false;
  std::string why = {};  // in a sentence
  Refit refit = {};      // where it is adopted
};
Learned Learn(const std::vector<LearnFrom>& outcomes);

}  // namespace weir::routing
