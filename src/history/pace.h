// How fast a target answered lately, as it is kept over a restart: sums that fade
// (gateway/target_paces.h says of what). Plain values; no text of anybody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weir::history {

struct Pace {
  // Sums of amounts and of what they took or were counted over.
  struct Ratio {
    double amount = 0;
    double over = 0;
    bool operator==(const Ratio&) const = default;
  };
  std::string target = {};
  std::string model = {};  // that the figures are of: a name may come to mean another one
  Ratio prefill = {};      // tokens, ms
  Ratio decode = {};
  Ratio queue = {};                     // ms, requests that were there
  Ratio first = {};                     // ms, answers
  Ratio answer = {};                    // tokens, answers
  std::optional<int64_t> load_ms = {};  // of the model, the last time

  bool operator==(const Pace&) const = default;
};

}  // namespace weir::history
