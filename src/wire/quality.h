// The protocol between `weir bench --quality` and the engine process that it starts to measure
// model files (engine/measuring.h), over their Unix stream socket. Frames as in frame.h; one
// measurement in the life of such a process.
//
//   weir                             weir-engine measure
//   Measure         ──────────────▶
//                   ◀──────────────  Loading: the share that is done, rising
//                   ◀──────────────  Measured | Failure
//   (end of stream) ──────────────▶  the process ends
//
// A model file may have taken the process over: what comes back is checked against BrokenBound
// before it is shown, and is never more than numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/archive.h"
#include "wire/engine.h"  // Loading, Failure and their frames

namespace weir::wire {

inline constexpr size_t kQualityTextBytesMax = size_t{16} << 20;
inline constexpr size_t kQualityModelsMax = 2;  // of one process
inline constexpr int32_t kQualityContextMin = 16;
inline constexpr int32_t kQualityContextMax = 1 << 17;
inline constexpr size_t kMeasuredBytesMax = 64 << 10;  // of a frame's body

struct Measure {
  int32_t context_tokens = 0;  // of a window
  int32_t windows_max = 0;     // 0: all that the text has
  int32_t threads = 0;         // 0: all cores
  bool rates_of_all = false;   // else of the last model alone
  std::string text = {};       // UTF-8
};

// What one model made of the text. Natural logarithms; unknown is 0.
struct TextQuality {
  double perplexity = 0;
  double perplexity_error = 0;  // one standard error, as are those below
  // From the distributions of the first model to this one's; 0 for the first itself.
  double divergence = 0;  // Kullback-Leibler, nats for a token
  double divergence_error = 0;
  double same_top = 0;  // share of tokens where both think the same one likeliest
  double prefill_tokens_per_s = 0;
  double decode_tokens_per_s = 0;
};

struct Measured {
  int32_t windows = 0;
  uint64_t tokens = 0;                   // that were scored
  int32_t threads = 0;                   // that computed
  std::vector<TextQuality> models = {};  // in the order of the files
};

// Beside EngineFrame's kLoading and kFailure.
enum class QualityFrame : uint16_t { kMeasure = 1, kMeasured = 128 };

template <class Archive>
void Visit(Archive& a, Measure& v) {
  a(v.context_tokens, v.windows_max, v.threads, v.rates_of_all, v.text);
}
template <class Archive>
void Visit(Archive& a, TextQuality& v) {
  a(v.perplexity, v.perplexity_error, v.divergence, v.divergence_error, v.same_top,
    v.prefill_tokens_per_s, v.decode_tokens_per_s);
}
template <class Archive>
void Visit(Archive& a, Measured& v) {
  a(v.windows, v.tokens, v.threads, v.models);
}

// Which bound is broken, or empty. `models` is how many files were given.
std::string_view BrokenBound(const Measured& measured, size_t models);

}  // namespace weir::wire
