// The draft check: a larger model reads question and draft in one pass of prompt processing, as if
// the draft were its own answer, and how likely it finds each of the draft's tokens on the average
// says whether the draft is right. Nothing is generated.
//
// What that likelihood is worth depends on both models and on the kind of task, so it is
// calibrated on tasks with known answers (bench/cascade.py) and shipped as data/cascade.json, or
// kept in a file that the configuration names. It belongs to the two files that it was measured
// with, whatever they are called. For what nobody calibrated there is no check: it would be a
// number without a meaning.
//
// (Asking the larger model "is this right, yes or no?" tells less: AUROC 0.68 against 0.96 on the
// extraction tasks of bench/cascade.py, and its question is not the beginning of its own answer.)
//
// Beside it a draft's own tokens (draft_evidence.h) may speak: the first of them before a stream is
// released, all of them where a draft is held back. They know far less, so a gate speaks only where
// the tasks that it was calibrated on show that it knows something.
//
// Pure, and integers behind one rounding: the same likelihood gives the same verdict.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "routing/draft_evidence.h"
#include "routing/task_kind.h"

namespace weir::routing {

inline constexpr int32_t kCertain = 10'000;  // chances are in 1/10,000

// What is known at one value of what a draft is judged by, in 1/1,000; between two points it is a
// straight line, beyond the ends it is level.
struct CalibrationPoint {
  int32_t at_milli = 0;
  int32_t draft_right = 0;   // chance that the draft is right
  int32_t larger_right = 0;  // chance that the larger model's own answer would be
  bool operator==(const CalibrationPoint&) const = default;
};

// What the draft's own tokens are worth.
struct Gate {
  size_t after_tokens = 0;  // of the draft; 0: after the whole draft
  DraftSignal signal = DraftSignal::kLogprobMean;
  // Of two drafts, a right one and a wrong one: how often the right one has the higher signal; in
  // 1/10,000, with its interval (95 %) on the tasks that it was fitted on.
  int32_t auroc = 0;
  int32_t auroc_low = 0;
  int32_t auroc_high = 0;
  // Going on from its doubt to the larger model was better than choosing at random, and sooner than
  // asking the larger one at once.
  bool pays = false;
  std::vector<CalibrationPoint> points = {};  // rising, two or more

  // Its interval lies above chance.
  bool speaks() const { return auroc_low > kCertain / 2; }
};

// Of one pair of models and one kind of task.
struct Calibration {
  std::string draft_model = {};  // as the store named them; for people
  std::string larger_model = {};
  std::string draft_sha256 = {};  // of their files, in hex: what a calibration belongs to
  std::string larger_sha256 = {};
  TaskKind kind = TaskKind::kGeneral;
  int32_t tasks = 0;         // it was fitted on
  int32_t draft_right = 0;   // share of them that the smaller model had right
  int32_t larger_right = 0;  // and the larger one
  // The check was better than choosing at random, and drafting, checking and answering the rest
  // again took less time than the larger model alone. Where answers are short it does not: most of
  // an answer's time is its prompt's, which a check processes, too.
  bool check_pays = false;
  std::vector<CalibrationPoint> points = {};  // of the mean log-likelihood; rising, two or more
  std::vector<Gate> gates = {};               // in no order; one for each `after_tokens`
  std::string measured = {};                  // how, and on what; for people

  // The latest gate that `tokens` tokens are enough for, of those that speak; null: none does.
  const Gate* FirstGate(size_t tokens) const;
  // The gate of a whole draft, if it speaks.
  const Gate* EndGate() const;
};

// The most tokens that a stream is held back for.
inline constexpr size_t kFirstTokens = 32;

struct Verdict {
  int32_t confidence = 0;  // chance that the draft is right
  int32_t gain = 0;        // of the larger model's chance over it; may be negative
  bool accepted = false;
};

class DraftCheck {
 public:
  // kInvalidArgument names the field that is wrong: points that do not rise, chances that fall
  // where the likelihood rises, a digest that is none, a pair and kind that is there twice.
  static Result<DraftCheck> Parse(std::string_view json);
  static const DraftCheck& BuiltIn();

  // What `other` knows, too; where both know something of a pair and kind, this one's stays.
  void Add(const DraftCheck& other);
  // By the digests of the two models' files. Null where nobody calibrated.
  const Calibration* Find(std::string_view draft_sha256, std::string_view larger_sha256,
                          TaskKind kind) const;
  const std::vector<Calibration>& calibrations() const { return calibrations_; }

 private:
  std::vector<Calibration> calibrations_ = {};
};

// Before anything is drafted: what is known of such tasks in general.
Verdict Expect(const Calibration& calibration, int32_t confidence_min);

// A draft is accepted when it is right with at least `confidence_min`, or when the larger model is
// not expected to do better: a task that both fail is not worth a second answer.
Verdict Judge(std::span<const CalibrationPoint> points, int32_t at_milli, int32_t confidence_min);
// The one rounding of a model's own floating point: a mean logarithm in 1/1,000, within what
// calibrations know; NaN is the least.
int32_t LikelihoodMilli(double logarithm);

}  // namespace weir::routing
