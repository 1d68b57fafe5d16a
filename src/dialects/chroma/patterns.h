// The regular expressions of one `where_document`, which RE2 runs: in time that grows with the text
// alone, and bounded here in what else they could cost. A program takes a step for each of its
// instructions and each byte at the worst, so the instructions are bounded, and the time that all
// of them take in one request. Pure; what Add gives is called by any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::chroma {

class Patterns {
 public:
  static constexpr size_t kBytesMax = 1'024;  // of a pattern
  static constexpr int kInstructionsMax = 4'096;
  static constexpr size_t kCountMax = 16;             // of one request
  static constexpr std::chrono::seconds kTimeMax{5};  // of a processor, for one request

  explicit Patterns(std::chrono::nanoseconds time_most = kTimeMax);

  // Whether a text holds what `pattern` describes; an empty one holds nothing. An Error, now or
  // when it is called, names `path` and the limit.
  using Test = std::function<Result<bool>(std::string_view text)>;
  Result<Test> Add(std::string_view pattern, const std::string& path);

 private:
  struct Time;

  std::shared_ptr<Time> time_;
  size_t count_ = 0;
};

}  // namespace weir::chroma
