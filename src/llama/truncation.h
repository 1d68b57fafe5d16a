// Which tokens may be drawn, and the draw: top-k, typical, top-p, min-p, XTC, mirostat and
// temperature over one row of logits. Pure but for the random numbers, and cheap: what cannot be
// drawn is never sorted or copied.
//
// Threads: one at a time for each Draw.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "llama/logit_math.h"

namespace weir::llama {

// All fields filled; the order of the steps is llama.cpp's default.
struct Truncation {
  float temperature = 0.8f;   // 0: the likeliest token, nothing else matters
  int32_t top_k = 40;         // 0: off
  float typical_p = 1;        // 1: off
  float top_p = 0.95f;        // 1: off
  float min_p = 0.05f;        // 0: off
  float xtc_probability = 0;  // 0: off
  float xtc_threshold = 0.1f;
  int32_t mirostat = 0;  // 1 or 2: instead of all the others but temperature
  float mirostat_tau = 5;
  float mirostat_eta = 0.1f;
};

class Draw {
 public:
  Draw(const Truncation& truncation, uint32_t seed);

  uint32_t seed() const { return seed_; }
  // The same state, other random numbers.
  void Reseed(uint32_t seed);

  // -1 when every logit is -infinity or NaN.
  int32_t From(std::span<const float> logits);

 private:
  double Uniform();  // [0, 1)
  int32_t FromAll(std::span<const float> logits);
  int32_t FromMirostat(std::span<const float> logits);
  void Candidates(std::span<const float> logits);
  void KeepTypical();
  void KeepTopP();
  void KeepMinP();
  void ExcludeTop();
  int32_t Pick();

  Truncation truncation_;
  uint32_t seed_;
  std::mt19937 random_;
  float mirostat_mu_ = 0;
  std::vector<Ranked> kept_ = {};  // likeliest first
  double log_mass_ = 0;            // ln of the sum of e^logit over what kept_ was taken from
  std::vector<float> scratch_ = {};
};

}  // namespace weir::llama
