#include "routing/draft_check.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/check.h"
#include "json/fields.h"
#include "json/parse.h"
#include "routing/draft_check_data.h"

namespace weir::routing {
namespace {

constexpr size_t kTextMax = 512;
constexpr size_t kDigestHex = 64;
constexpr size_t kPairsMax = 256;
constexpr size_t kPointsMax = 64;
constexpr size_t kGatesMax = 16;
constexpr int64_t kLogarithmMax = 100'000;  // milli
constexpr int64_t kTasksMax = 1'000'000'000;
constexpr int32_t kGainMin = 200;  // 2 of 100: less is within what calibrations are off
constexpr json::Limits kLimits = {.depth = 16, .bytes = size_t{1} << 20, .values = 65536};

int32_t ReadChance(json::Fields& point, std::string_view name) {
  return static_cast<int32_t>(point.Require().Int(name, 0, kCertain).value_or(0));
}

struct Range {
  std::string_view name;
  int64_t most;
};
constexpr Range kLikelihoods = {"likelihood_milli", 0};
constexpr Range kSignals = {"value_milli", 1'000};

std::vector<CalibrationPoint> ReadPoints(json::Fields& fields, const Range& range) {
  std::vector<CalibrationPoint> points;
  const json::Array* all = fields.Require().List("points", kPointsMax);
  if (all == nullptr) return points;
  for (size_t i = 0; i < all->size(); ++i) {
    json::Fields point(fields.problem(), (*all)[i], fields.PathOf("points", i));
    CalibrationPoint read;
    read.at_milli = static_cast<int32_t>(
        point.Require().Int(range.name, -kLogarithmMax, range.most).value_or(0));
    read.draft_right = ReadChance(point, "draft_right");
    read.larger_right = ReadChance(point, "larger_right");
    point.RefuseUnread();
    const bool rises = points.empty() || (read.at_milli > points.back().at_milli &&
                                          read.draft_right >= points.back().draft_right);
    if (!fields.problem() && !rises) point.Refuse(range.name, "does not rise");
    points.push_back(read);
  }
  if (!fields.problem() && points.size() < 2) fields.Refuse("points", "has fewer than two");
  return points;
}

Gate ReadGate(json::Fields& fields) {
  Gate gate;
  gate.after_tokens = static_cast<size_t>(
      fields.Require().Int("after_tokens", 0, static_cast<int64_t>(kFirstTokens)).value_or(0));
  const std::string signal = fields.Require().String("signal", kTextMax).value_or("");
  const std::optional<DraftSignal> known = DraftSignalFromName(signal);
  if (!fields.problem() && !known) fields.Refuse("signal", "is no signal of a draft");
  gate.signal = known.value_or(DraftSignal::kLogprobMean);
  if (auto auroc = fields.Require().Nested("auroc")) {
    gate.auroc = ReadChance(*auroc, "middle");
    gate.auroc_low = ReadChance(*auroc, "low");
    gate.auroc_high = ReadChance(*auroc, "high");
    auroc->RefuseUnread();
  }
  gate.pays = fields.Require().Bool("pays").value_or(false);
  gate.points = ReadPoints(fields, kSignals);
  fields.RefuseUnread();
  return gate;
}

std::vector<Gate> ReadGates(json::Fields& fields) {
  std::vector<Gate> gates;
  const json::Array* all = fields.List("gates", kGatesMax);
  for (size_t i = 0; all != nullptr && i < all->size(); ++i) {
    json::Fields one(fields.problem(), (*all)[i], fields.PathOf("gates", i));
    Gate gate = ReadGate(one);
    if (!fields.problem() &&
        std::ranges::find(gates, gate.after_tokens, &Gate::after_tokens) != gates.end()) {
      one.Refuse("after_tokens", "is there twice");
    }
    gates.push_back(std::move(gate));
  }
  return gates;
}

std::string ReadDigest(json::Fields& fields, std::string_view name) {
  std::string digest = fields.Require().String(name, kDigestHex).value_or("");
  const bool hex = digest.size() == kDigestHex &&
                   digest.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!fields.problem() && !hex) fields.Refuse(name, "is no SHA-256 in lower hex");
  return digest;
}

Calibration ReadCalibration(json::Fields& fields) {
  Calibration read;
  read.draft_model = fields.Require().String("draft_model", kTextMax).value_or("");
  read.larger_model = fields.Require().String("larger_model", kTextMax).value_or("");
  read.draft_sha256 = ReadDigest(fields, "draft_sha256");
  read.larger_sha256 = ReadDigest(fields, "larger_sha256");
  const std::string kind = fields.Require().String("kind", kTextMax).value_or("");
  const std::optional<TaskKind> known = TaskKindFromName(kind);
  if (!fields.problem() && !known) fields.Refuse("kind", "is no kind of task");
  read.kind = known.value_or(TaskKind::kGeneral);
  read.check_pays = fields.Require().Bool("check_pays").value_or(false);
  read.draft_right = ReadChance(fields, "draft_right");
  read.larger_right = ReadChance(fields, "larger_right");
  read.tasks = static_cast<int32_t>(fields.Require().Int("tasks", 1, kTasksMax).value_or(1));
  read.points = ReadPoints(fields, kLikelihoods);
  read.gates = ReadGates(fields);
  read.measured = fields.String("measured", kTextMax).value_or("");
  fields.RefuseUnread();
  return read;
}

// On the line from `a` at `from` to `b` at `to`, rounded down.
int32_t Between(int64_t at, int64_t from, int64_t to, int64_t a, int64_t b) {
  return static_cast<int32_t>(a + (b - a) * (at - from) / (to - from));
}

Verdict VerdictOf(int32_t draft_right, int32_t larger_right, int32_t confidence_min) {
  Verdict verdict{.confidence = draft_right, .gain = larger_right - draft_right};
  verdict.accepted = verdict.confidence >= confidence_min || verdict.gain < kGainMin;
  return verdict;
}

}  // namespace

Result<DraftCheck> DraftCheck::Parse(std::string_view text) {
  auto document = json::Parse(text, kLimits);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  DraftCheck read;
  fields.Require().Int("version", 1, 1);
  if (const json::Array* pairs = fields.Require().List("pairs", kPairsMax)) {
    for (size_t i = 0; i < pairs->size(); ++i) {
      json::Fields pair(problem, (*pairs)[i], fields.PathOf("pairs", i));
      Calibration calibration = ReadCalibration(pair);
      if (!problem &&
          read.Find(calibration.draft_sha256, calibration.larger_sha256, calibration.kind)) {
        pair.Refuse("kind", "is there twice for these files");
      }
      read.calibrations_.push_back(std::move(calibration));
    }
  }
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return read;
}

const DraftCheck& DraftCheck::BuiltIn() {
  static const DraftCheck check = [] {
    auto read = Parse(kCascadeJson);
    CHECK(read.has_value(), "data/cascade.json is valid");
    return std::move(*read);
  }();
  return check;
}

void DraftCheck::Add(const DraftCheck& other) {
  for (const Calibration& each : other.calibrations_) {
    if (Find(each.draft_sha256, each.larger_sha256, each.kind) == nullptr) {
      calibrations_.push_back(each);
    }
  }
}

const Calibration* DraftCheck::Find(std::string_view draft_sha256, std::string_view larger_sha256,
                                    TaskKind kind) const {
  const auto found = std::ranges::find_if(calibrations_, [&](const Calibration& each) {
    return each.draft_sha256 == draft_sha256 && each.larger_sha256 == larger_sha256 &&
           each.kind == kind;
  });
  return found == calibrations_.end() ? nullptr : &*found;
}

const Gate* Calibration::FirstGate(size_t tokens) const {
  const Gate* latest = nullptr;
  for (const Gate& gate : gates) {
    if (gate.after_tokens == 0 || gate.after_tokens > tokens || !gate.speaks()) continue;
    if (latest == nullptr || gate.after_tokens > latest->after_tokens) latest = &gate;
  }
  return latest;
}

const Gate* Calibration::EndGate() const {
  const auto found = std::ranges::find(gates, size_t{0}, &Gate::after_tokens);
  return found != gates.end() && found->speaks() ? &*found : nullptr;
}

Verdict Expect(const Calibration& calibration, int32_t confidence_min) {
  return VerdictOf(calibration.draft_right, calibration.larger_right, confidence_min);
}

int32_t LikelihoodMilli(double logarithm) {
  if (std::isnan(logarithm)) return static_cast<int32_t>(-kLogarithmMax);
  return static_cast<int32_t>(
      std::llround(std::clamp(logarithm * 1000, static_cast<double>(-kLogarithmMax), 0.0)));
}

Verdict Judge(std::span<const CalibrationPoint> points, int32_t at_milli, int32_t confidence_min) {
  CHECK(points.size() >= 2, "a calibration has two points");
  CalibrationPoint here = points.front();
  if (at_milli >= points.back().at_milli) {
    here = points.back();
  } else if (at_milli > points.front().at_milli) {
    const auto above = std::ranges::upper_bound(points, at_milli, {}, &CalibrationPoint::at_milli);
    const CalibrationPoint& low = *std::prev(above);
    const auto line = [&](int32_t from, int32_t to) {
      return Between(at_milli, low.at_milli, above->at_milli, from, to);
    };
    here.draft_right = line(low.draft_right, above->draft_right);
    here.larger_right = line(low.larger_right, above->larger_right);
  }
  return VerdictOf(here.draft_right, here.larger_right, confidence_min);
}

}  // namespace weir::routing
