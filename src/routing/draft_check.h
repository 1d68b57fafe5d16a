// The draft check: a larger model reads question and draft in one pass of prompt processing, and
// how likely it finds "Yes" against "No" says whether the draft is right. Nothing is generated.
//
// What that likelihood is worth depends on both models and on the kind of task, so it is
// calibrated on tasks with known answers (bench/cascade.py) and shipped as data/cascade.json. For
// what nobody calibrated there is no check: it would be a number without a meaning.
//
// Pure, and integers behind one rounding: the same log-odds give the same verdict.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "routing/task_kind.h"

namespace weir::routing {

inline constexpr int32_t kCertain = 10'000;  // chances are in 1/10,000

// What is known at one value of the log-odds of yes; between two points it is a straight line,
// beyond the ends it is level.
struct CalibrationPoint {
  int32_t log_odds_milli = 0;
  int32_t draft_right = 0;   // chance that the draft is right
  int32_t larger_right = 0;  // chance that the larger model's own answer would be
  bool operator==(const CalibrationPoint&) const = default;
};

// Of one pair of models and one kind of task.
struct Calibration {
  std::string draft_model = {};  // as the store names them: quantisation is part of it
  std::string larger_model = {};
  TaskKind kind = TaskKind::kGeneral;
  bool pays = false;  // the check was shown to be better than choosing at random
  int32_t tasks = 0;  // it was fitted on
  std::vector<CalibrationPoint> points = {};  // rising, two or more
};

struct Verdict {
  int32_t confidence = 0;  // chance that the draft is right
  int32_t gain = 0;        // of the larger model's chance over it; may be negative
  bool accepted = false;
};

class DraftCheck {
 public:
  // kInvalidArgument names the field that is wrong: points that do not rise, chances that fall
  // where the log-odds rise, a pair and kind that is there twice.
  static Result<DraftCheck> Parse(std::string_view json);
  static const DraftCheck& BuiltIn();

  const std::string& question() const { return question_; }  // the turn after the draft
  const std::string& yes() const { return yes_; }
  const std::string& no() const { return no_; }
  // Null where nobody calibrated.
  const Calibration* Find(std::string_view draft_model, std::string_view larger_model,
                          TaskKind kind) const;
  const std::vector<Calibration>& calibrations() const { return calibrations_; }

 private:
  std::string question_ = {};
  std::string yes_ = {};
  std::string no_ = {};
  std::vector<Calibration> calibrations_ = {};
};

// A draft is accepted when it is right with at least `confidence_min`, or when the larger model is
// not expected to do better: a task that both fail is not worth a second answer.
Verdict Judge(const Calibration& calibration, double log_odds, int32_t confidence_min);

}  // namespace weir::routing
