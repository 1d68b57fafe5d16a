// What a draft's own tokens say about it: how sure the model was of them, by how much the likeliest
// token led, and whether it repeats itself. What that is worth for one model and kind of task is
// calibrated (draft_check.h); bench/cascade_signals.py works out the same numbers.
//
// A plain value; integers behind one rounding for each token: the same tokens say the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "chat/event.h"

namespace weir::routing {

// All of them in 1/1,000, and the more, the surer. Quantiles are of the tokens, the least at 0.
enum class DraftSignal : uint8_t {
  kLogprobMean,
  kLogprobMin,
  kLogprobQ10,
  kLogprobQ25,
  kMarginMean,  // of probabilities: the likeliest token's less the second's
  kMarginMin,
  kMarginQ10,
  kMarginQ25,
  kFresh,  // how many tokens do not end a triple that was there before
};
inline constexpr DraftSignal kDraftSignals[] = {
    DraftSignal::kLogprobMean, DraftSignal::kLogprobMin, DraftSignal::kLogprobQ10,
    DraftSignal::kLogprobQ25,  DraftSignal::kMarginMean, DraftSignal::kMarginMin,
    DraftSignal::kMarginQ10,   DraftSignal::kMarginQ25,  DraftSignal::kFresh};
std::string_view DraftSignalName(DraftSignal signal);
std::optional<DraftSignal> DraftSignalFromName(std::string_view name);

class DraftEvidence {
 public:
  // How many alternatives of each token are needed.
  static constexpr int kAlternatives = 2;

  void Add(const chat::TokenLogprob& token);
  size_t tokens() const { return tokens_.size(); }
  // Over the first `count` tokens, or as many as there are; 0: over all. The least there is where
  // there is none.
  int32_t Value(DraftSignal signal, size_t count) const;

 private:
  struct Token {
    int32_t logprob_milli = 0;
    int32_t margin_milli = 0;
    uint64_t text = 0;  // a hash of it
  };
  int32_t Fresh(size_t count) const;

  std::vector<Token> tokens_ = {};
};

}  // namespace weir::routing
