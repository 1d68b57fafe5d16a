// A line that shows how far something is, on a terminal alone: where standard error is none, it is
// silent. Gone with its owner. One thread.
#pragma once

#include <string_view>

#include "base/clock.h"

namespace weir::cli {

class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ~ProgressBar() { Clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `share` is 0 to 1. Redrawn ten times a second at most.
  void Show(std::string_view what, float share);
  void Clear();

 private:
  const bool on_;
  bool drawn_ = false;
  MonotonicTime shown_ = {};
};

}  // namespace weir::cli
