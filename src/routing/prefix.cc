#include "routing/prefix.h"

#include <algorithm>

#include "routing/draft_check.h"

namespace weir::routing {
namespace {

constexpr int64_t kTokensMost = int64_t{1} << 24;
constexpr int64_t kPriceMost = int64_t{1} << 36;  // pico a token: no sum overflows
constexpr int64_t kAnswerWeight = 5;              // tokens of a prompt that one of an answer costs
constexpr int32_t kGainLeast = kCertain / 50;     // that is worth moving for at all

// Of what it costs with the prefix.
int32_t PartOf(int64_t without, int64_t with) {
  if (without <= with) return 0;
  if (with <= 0) return kLostMax;
  // Divided first where the product would not fit.
  const int64_t lost = without - with;
  if (lost > INT64_MAX / kCertain) return kLostMax;
  return static_cast<int32_t>(std::min<int64_t>(lost * kCertain / with, kLostMax));
}

}  // namespace

int32_t LostPart(const Decision& decision, const Target& to, int64_t held_tokens) {
  const Considered& there = decision.Of(to);
  const int64_t prompt =
      std::clamp<int64_t>(decision.prompt_bytes / kBytesPerTokenGuess, 0, kTokensMost);
  // What it has of the conversation itself is not lost.
  const int64_t has = std::clamp<int64_t>(there.speed.cached_tokens, 0, prompt);
  const int64_t could = std::clamp<int64_t>(held_tokens, has, prompt);
  const Features features{.prompt_bytes = decision.prompt_bytes,
                          .answer_tokens = decision.answer_tokens};
  Speed speed = WithDeclared(there.speed, to);
  const int64_t answer = std::clamp<int64_t>(AnswerTokens(speed, features), 0, kTokensMost);

  int32_t part = 0;
  bool known = false;
  const auto without_ms = ExpectedMs(speed, features);
  Speed computing = speed;
  computing.load_ms = computing.queue_ms = 0;
  const auto without_energy = ExpectedMs(computing, features);
  speed.cached_tokens = computing.cached_tokens = could;
  const auto with_ms = ExpectedMs(speed, features);
  const auto with_energy = ExpectedMs(computing, features);
  if (without_ms && with_ms && !speed.first_ms) {
    part = PartOf(*without_ms, *with_ms);
    known = true;
  }
  if (there.energy_mj && without_energy && with_energy) {
    part = std::max(part, PartOf(*without_energy, *with_energy));
    known = true;
  }
  if (there.prices.input && there.prices.output) {
    const auto price = [](int64_t pico) { return std::clamp<int64_t>(pico, 0, kPriceMost); };
    const int64_t input = price(*there.prices.input);
    const int64_t cached = price(there.prices.cached_input.value_or(input));
    const auto cost = [&](int64_t kept) {
      return kept * cached + (prompt - kept) * input + answer * price(*there.prices.output);
    };
    part = std::max(part, PartOf(cost(has), cost(could)));
    known = true;
  }
  if (known) return part;
  return PartOf(prompt - has + kAnswerWeight * answer, prompt - could + kAnswerWeight * answer);
}

const Target* HolderOf(const Decision& decision, std::string_view last_target) {
  if (last_target.empty()) return nullptr;
  const auto found = std::ranges::find(decision.eligible, last_target, &Target::name);
  if (found == decision.eligible.end()) return nullptr;
  return decision.Of(*found).speed.cached_tokens > 0 ? &*found : nullptr;
}

int32_t GainToMove(int32_t gain, int32_t lost_part) {
  const int64_t needed = int64_t{std::max(gain, kGainLeast)} * (kCertain + lost_part) / kCertain;
  return static_cast<int32_t>(std::min<int64_t>(needed, kCertain + 1));
}

int32_t GainToStay(int32_t gain, int32_t lost_part) {
  if (gain <= 0) return gain;
  return static_cast<int32_t>(int64_t{gain} * kCertain / (kCertain + lost_part));
}

}  // namespace weir::routing
