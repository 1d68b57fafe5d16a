// Whether two greedy answers to one prompt are the same answer. For tests.
//
// The order in which a batch adds up its numbers depends on who shares it, so log-probabilities of
// the same text differ in their last digits, and where two tokens are nearly as likely as each
// other the other one may be chosen; from there on the texts are different texts. A bug (a cell
// lost, stale or of another sequence) moves probabilities by whole units. So: up to the first token
// that differs, log-probabilities must agree within kNumerics; at that token, the one that was
// chosen here must have been as likely there, within kNumerics; what follows is not compared.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>

#include "engine/test_conversation.h"

namespace weir::engine::testing {

// Of log-probabilities, in nats. Measured with f16 cells and flash attention: below 0.02.
inline constexpr float kNumerics = 0.1f;

struct Comparison {
  std::string difference = {};             // "" when it is the same answer
  std::optional<size_t> diverged_at = {};  // the token where numerics chose another
};

// Weights of four bits take another kernel for one row than for many: half a nat was measured
// (docs/internals/engine.md). A wrong cell still moves probabilities by more.
inline constexpr float kNumericsOfQuantised = 1.0f;

inline Comparison Compare(const std::vector<chat::TokenLogprob>& alone,
                          const std::vector<chat::TokenLogprob>& other,
                          float numerics = kNumerics) {
  for (size_t i = 0; i < std::min(alone.size(), other.size()); ++i) {
    const float expected = alone[i].logprob.value_or(0), got = other[i].logprob.value_or(0);
    if (alone[i].bytes == other[i].bytes) {
      if (std::abs(expected - got) <= numerics) continue;
      return {fmt::format("token {}: the same with log-probability {} instead of {}", i, got,
                          expected)};
    }
    for (const auto& candidate : alone[i].top) {
      if (candidate.bytes == other[i].bytes && expected - candidate.logprob <= numerics) {
        return {.diverged_at = i};
      }
    }
    return {fmt::format("token {}: one that was no candidate alone", i)};
  }
  if (alone.size() == other.size()) return {};
  return {fmt::format("{} tokens instead of {}", other.size(), alone.size())};
}

// With what Compare looks at.
inline chat::GenerateRequest WithCandidates(chat::GenerateRequest request) {
  request.logprobs = true;
  request.top_logprobs = 5;
  return request;
}

}  // namespace weir::engine::testing
