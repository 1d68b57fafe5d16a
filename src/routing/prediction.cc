#include "routing/prediction.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/base64.h"
#include "base/check.h"
#include "base/fnv.h"
#include "json/fields.h"
#include "json/parse.h"
#include "routing/draft_check.h"
#include "routing/prediction_data.h"

namespace weir::routing {
namespace {

constexpr size_t kStepsMax = 64;
constexpr size_t kGains = 21;
constexpr size_t kWeightsTextMax = size_t{1} << 20;
constexpr int64_t kLogitMax = int64_t{1} << 40;
constexpr int64_t kWeightMax = int64_t{1} << 24;
constexpr int64_t kMiddle = 8 * 1024;  // of lengths, in their units: 256 bytes
constexpr json::Limits kLimits = {.depth = 8, .bytes = size_t{1} << 20, .values = 4096};

// Weights that were cut or changed by accident are noticed.
std::string HashOf(std::string_view bytes) {
  return fmt::format("{:016x}", Fnv1a().Add(bytes).value());
}

std::vector<int16_t> ReadWeights(json::Fields& fields) {
  const std::string text = fields.Require().String("weights", kWeightsTextMax).value_or("");
  const std::string hash = fields.Require().String("weights_fnv1a64", 16).value_or("");
  std::vector<int16_t> weights;
  if (fields.problem()) return weights;
  const auto bytes = DecodeBase64(text);
  if (!bytes || bytes->size() != size_t{kFeaturePlaces} * 2) {
    fields.Refuse("weights", fmt::format("is not base64 of {} weights", kFeaturePlaces));
  } else if (HashOf(*bytes) != hash) {
    fields.Refuse("weights_fnv1a64", "is not the hash of the weights");
  } else {
    for (size_t i = 0; i < bytes->size(); i += 2) {
      const auto low = static_cast<uint8_t>((*bytes)[i]);
      const auto high = static_cast<uint8_t>((*bytes)[i + 1]);
      weights.push_back(static_cast<int16_t>(low | high << 8));
    }
  }
  return weights;
}

}  // namespace

// Apart from the class, so that its header needs no JSON.
struct PredictorReader {
  static Predictor::Model ReadModel(json::Fields fields) {
    Predictor::Model model;
    const json::Array* lines = fields.Require().List("lines", kTaskKinds);
    if (lines != nullptr && lines->size() != kTaskKinds)
      fields.Refuse("lines", fmt::format("does not have {} lines", kTaskKinds));
    for (size_t i = 0; lines != nullptr && i < lines->size(); ++i) {
      json::Fields line(fields.problem(), (*lines)[i], fields.PathOf("lines", i));
      model.lines[i].base = line.Require().Int("base", -kWeightMax, kWeightMax).value_or(0);
      model.lines[i].slope = line.Require().Int("slope", -kWeightMax, kWeightMax).value_or(0);
      model.lines[i].options = line.Int("options", -kWeightMax, kWeightMax).value_or(0);
      line.RefuseUnread();
    }
    model.weights = ReadWeights(fields);
    const json::Array* steps = fields.Require().List("calibration", kStepsMax);
    for (size_t i = 0; steps != nullptr && i < steps->size(); ++i) {
      json::Fields step(fields.problem(), (*steps)[i], fields.PathOf("calibration", i));
      Predictor::Step read;
      read.logit = step.Require().Int("logit", -kLogitMax, kLogitMax).value_or(0);
      read.chance = static_cast<int32_t>(step.Require().Int("chance", 0, kCertain).value_or(0));
      step.RefuseUnread();
      if (!fields.problem() && !model.steps.empty() && read.logit <= model.steps.back().logit)
        step.Refuse("logit", "does not rise");
      model.steps.push_back(read);
    }
    if (!fields.problem() && model.steps.size() < 2)
      fields.Refuse("calibration", "has fewer than two steps");
    fields.RefuseUnread();
    return model;
  }

  static Predictor Read(json::Fields& fields) {
    Predictor read;
    fields.Require().Int("version", 1, 1);
    read.provenance_ = fields.Require().String("provenance", 4096).value_or("");
    const json::Array* gains = fields.Require().List("gain_by_share", kGains);
    if (gains != nullptr && gains->size() != kGains)
      fields.Refuse("gain_by_share", fmt::format("does not have {} values", kGains));
    for (size_t i = 0; gains != nullptr && i < gains->size(); ++i) {
      const int64_t* gain = (*gains)[i].AsInt();
      if (gain == nullptr || *gain < -kCertain || *gain > kCertain) {
        fields.Refuse("gain_by_share", "is not a list of gains");
        break;
      }
      read.gains_.push_back(static_cast<int32_t>(*gain));
    }
    for (const std::string& name : fields.Strings("by_length", kTaskKinds, 32)) {
      const auto kind = TaskKindFromName(name);
      if (!kind) fields.Refuse("by_length", "is no list of kinds of task");
      if (kind) read.by_length_[static_cast<size_t>(*kind)] = true;
    }
    if (auto small = fields.Require().Nested("small")) read.small_ = ReadModel(*small);
    if (auto gain = fields.Require().Nested("gain")) read.gain_ = ReadModel(*gain);
    fields.RefuseUnread();
    return read;
  }
};

Prediction Prediction::WithSmallRight(int32_t chance) const {
  const int32_t right = std::clamp(chance, 0, kCertain);
  const int64_t wrong = std::max(1, kCertain - small_right);
  const int64_t more = int64_t{gain} * (kCertain - right) / wrong;
  return {.small_right = right,
          .gain = static_cast<int32_t>(std::clamp<int64_t>(more, -kCertain, kCertain))};
}

Result<Predictor> Predictor::Parse(std::string_view text) {
  auto document = json::Parse(text, kLimits);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  Predictor read = PredictorReader::Read(fields);
  if (problem) return Fail(problem.Take());
  return read;
}

const Predictor& Predictor::BuiltIn() {
  static const Predictor predictor = [] {
    auto read = Parse(kPredictionJson);
    CHECK(read.has_value(), "data/prediction.json is valid");
    return std::move(*read);
  }();
  return predictor;
}

Predictor Predictor::ByLength() {
  Predictor predictor = BuiltIn();
  predictor.by_length_.fill(true);
  predictor.provenance_ = "the length of the prompt alone";
  return predictor;
}

int32_t Predictor::Model::Chance(const PromptFeatures& features, bool by_length) const {
  const Line& line = lines[static_cast<size_t>(features.kind)];
  // Rounded down, whatever the sign.
  int64_t logit = line.base + ((line.slope * (features.length - kMiddle)) >> 10);
  if (features.options) logit += line.options;
  if (!by_length) {
    for (const uint16_t place : features.shape) logit += weights[place];
    for (const uint16_t place : features.words) logit += weights[place];
  }
  if (logit <= steps.front().logit) return steps.front().chance;
  if (logit >= steps.back().logit) return steps.back().chance;
  const auto above = std::ranges::upper_bound(steps, logit, {}, &Step::logit);
  const Step& low = *std::prev(above);
  return static_cast<int32_t>(low.chance + (above->chance - low.chance) * (logit - low.logit) /
                                               (above->logit - low.logit));
}

Prediction Predictor::Predict(std::string_view text) const {
  const PromptFeatures features = FeaturesOfPrompt(text);
  const bool by_length = by_length_[static_cast<size_t>(features.kind)];
  return {.small_right = small_.Chance(features, by_length),
          .gain = gain_.Chance(features, by_length)};
}

int32_t Predictor::GainOfShare(int32_t share) const {
  const int32_t bounded = std::clamp(share, 0, kCertain);
  constexpr int32_t kStep = kCertain / (static_cast<int32_t>(kGains) - 1);
  const auto at = static_cast<size_t>(bounded / kStep);
  if (at + 1 >= kGains) return gains_.back();
  return gains_[at] + (gains_[at + 1] - gains_[at]) * (bounded % kStep) / kStep;
}

}  // namespace weir::routing
