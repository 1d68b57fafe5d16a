// The parts of a split model as one file: header and metadata of the first part without the marks
// of the split, the tensor tables of all with new offsets, then their data. Only a plan is made
// here; the caller copies, so nothing is held in memory but tables.
//
// The parts must have passed the inspector one by one; what the plan gives should pass it again.
// Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::gguf {

// Bytes of the joined file: `text` when not empty, else `count` bytes of part `part` from `offset`.
struct Run {
  std::string text = {};
  size_t part = 0;
  uint64_t offset = 0;
  uint64_t count = 0;
  uint64_t size() const { return text.empty() ? count : text.size(); }
};

struct JoinPlan {
  std::vector<Run> runs = {};
  uint64_t size = 0;
};

// `parts` in order, all of them. kUnprocessable, "gguf_split": they do not belong together.
Result<JoinPlan> PlanJoin(std::span<const int> parts);

}  // namespace weir::gguf
