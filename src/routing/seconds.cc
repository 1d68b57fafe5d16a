#include "routing/seconds.h"

#include <algorithm>

#include "routing/decision.h"

namespace weir::routing {
namespace {

constexpr int64_t kMost = int64_t{1} << 40;  // of tokens and of milliseconds: no sum overflows
constexpr int64_t kClearMs = 500;

// Rounded up.
int64_t MsOf(int64_t tokens, int64_t rate) {
  constexpr int64_t kMsTimesThousand = 1'000'000;
  const int64_t most = std::clamp<int64_t>(tokens, 0, kMost) * kMsTimesThousand;
  const int64_t per = std::max<int64_t>(rate, 1);
  return most / per + (most % per != 0 ? 1 : 0);
}

// Until the first token of the answer.
std::optional<int64_t> BeginsAfterMs(const Speed& speed, const Features& features) {
  if (speed.first_ms) return speed.first_ms;
  if (!speed.prefill_rate) return std::nullopt;
  return MsOf(features.prompt_bytes / kBytesPerTokenGuess - speed.cached_tokens,
              *speed.prefill_rate);
}

}  // namespace

int64_t AnswerTokens(const Speed& speed, const Features& features) {
  const int64_t usual = speed.answer_tokens.value_or(kAnswerTokensGuess);
  return features.answer_tokens > 0 ? std::min(features.answer_tokens, usual) : usual;
}

Speed WithDeclared(const Speed& measured, const Target& target) {
  constexpr int64_t kPerThousandSeconds = 1'000;
  const auto rate = [](const std::optional<int64_t>& per_s) {
    return per_s ? std::optional(std::clamp<int64_t>(*per_s, 0, kMost) * kPerThousandSeconds)
                 : std::nullopt;
  };
  Speed speed = measured;
  if (!speed.prefill_rate) speed.prefill_rate = rate(target.prefill_tokens_per_s);
  if (!speed.decode_rate) speed.decode_rate = rate(target.decode_tokens_per_s);
  if (target.beyond && !speed.load_ms) speed.load_ms = 0;
  if (target.beyond && !speed.queue_ms) speed.queue_ms = 0;
  return speed;
}

std::optional<int64_t> ExpectedMs(const Speed& speed, const Features& features) {
  const auto begins = BeginsAfterMs(speed, features);
  if (features.task != Task::kGenerate || !speed.load_ms || !speed.queue_ms || !begins ||
      !speed.decode_rate) {
    return std::nullopt;
  }
  int64_t sum = 0;
  for (const int64_t part : {*speed.load_ms, *speed.queue_ms, *begins,
                             MsOf(AnswerTokens(speed, features), *speed.decode_rate)}) {
    sum = std::min(sum + std::clamp<int64_t>(part, 0, kMost), kMost);
  }
  return sum;
}

bool IsClearlySooner(int64_t this_ms, int64_t than_ms) {
  return than_ms - this_ms >= std::max(kClearMs, than_ms / 4);
}

}  // namespace weir::routing
