// How likely a small model is to answer a prompt right, and how likely it is that only a large one
// does, from the prompt alone: two logistic models over PromptFeatures, and behind each the
// calibration that holds their numbers to what happened on questions that they were not fitted on.
// For kinds of task where words were not shown to help, the length of the prompt alone speaks, and
// whether answers to choose from are listed.
//
// What it predicts is how hard a prompt is for a model of the size of Mixtral 8x7B and for one of
// the size of GPT-4 (the open data of RouteLLM, arXiv:2406.18665), not for the models of a
// configuration. So it orders prompts by what going up would gain; it promises no rate.
//
// Pure, and integers throughout: the same text has the same prediction on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "routing/prompt_features.h"

namespace weir::routing {

// Chances in 1/10,000.
struct Prediction {
  int32_t small_right = 0;
  int32_t gain = 0;  // the small model is wrong, and the large one is right

  // Of one who knows the first better: the gain shrinks or grows with the chance that the small
  // model is wrong.
  Prediction WithSmallRight(int32_t chance) const;
  bool operator==(const Prediction&) const = default;
};

class Predictor {
 public:
  // kInvalidArgument names the field that is wrong; weights that do not have the hash that the file
  // says are refused.
  static Result<Predictor> Parse(std::string_view json);
  static const Predictor& BuiltIn();
  // The length and the kind of the prompt alone, as the built-in one knows them: for when the one
  // that was asked for cannot be used.
  static Predictor ByLength();

  Prediction Predict(std::string_view text) const;

  // The gain that the given share (1/10,000) of the prompts that it was fitted on exceed: where a
  // threshold starts before anything was seen.
  int32_t GainOfShare(int32_t share) const;
  // What it was fitted on, in words.
  const std::string& provenance() const { return provenance_; }

 private:
  struct Step {
    int64_t logit = 0;  // in the units of the weights
    int32_t chance = 0;
  };
  struct Line {
    int64_t base = 0;
    int64_t slope = 0;    // for each doubling of the length
    int64_t options = 0;  // where answers to choose from are listed
  };
  struct Model {
    std::array<Line, kTaskKinds> lines = {};  // by kind of task
    std::vector<int16_t> weights = {};
    std::vector<Step> steps = {};  // rising; straight lines between them
    int32_t Chance(const PromptFeatures& features, bool by_length) const;
  };
  friend struct PredictorReader;

  Model small_ = {};
  Model gain_ = {};
  std::array<bool, kTaskKinds> by_length_ = {};
  std::vector<int32_t> gains_ = {};  // at shares of 0, 5, ... 100 %, falling
  std::string provenance_ = {};
};

}  // namespace weir::routing
