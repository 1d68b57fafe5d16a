// How long an answer is expected to take at a target: until the model is in memory, its queue, the
// part of the prompt that it has not in its cache, and the answer. Made of what was measured there
// and, where nothing was, of what the policy declares. What neither tells is absent, and then so is
// the sum: unknown is not zero. Pure, and in integers: the same figures give the same sum.
#pragma once

#include <cstdint>
#include <optional>

namespace weir::routing {

struct Features;
struct Target;

// A token of a prompt is a byte or more; that many of most texts.
inline constexpr int64_t kBytesPerTokenGuess = 3;
inline constexpr int64_t kAnswerTokensGuess = 256;  // of an answer, before any was measured

// How a target was doing when it was asked last, and how it is now. Rates are tokens in 1,000 s.
struct Speed {
  std::optional<int64_t> load_ms = {};        // until it is in memory; 0: it is
  std::optional<int64_t> queue_ms = {};       // before its turn
  std::optional<int64_t> first_ms = {};       // of a provider: queue, prompt and way together
  std::optional<int64_t> prefill_rate = {};   // of a prompt
  std::optional<int64_t> decode_rate = {};    // of an answer
  std::optional<int64_t> answer_tokens = {};  // of its answers, on the average
  int64_t cached_tokens = 0;                  // of this conversation, that it probably still has

  bool operator==(const Speed&) const = default;
};

// What the target's own declarations add to what was measured.
Speed WithDeclared(const Speed& measured, const Target& target);

// Of the answer to this request.
int64_t AnswerTokens(const Speed& speed, const Features& features);

// Nothing where a part of it is not known.
std::optional<int64_t> ExpectedMs(const Speed& speed, const Features& features);

// Whether waiting less is worth another order: half a second and a quarter of the time, at least.
bool IsClearlySooner(int64_t this_ms, int64_t than_ms);

}  // namespace weir::routing
