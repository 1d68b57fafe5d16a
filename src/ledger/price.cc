#include "ledger/price.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/fnv.h"

namespace weir::ledger {
namespace {

std::optional<Pico> Part(const std::optional<Pico>& price, int64_t tokens) {
  if (tokens <= 0) return 0;
  if (!price) return std::nullopt;
  return Times(*price, tokens);
}

std::string Word(const std::optional<Pico>& price) {
  return price ? fmt::format("{}", *price) : "";
}

// Each second is a sixtieth, and what is left of a pico costs one.
Pico OfSound(Pico per_minute, int64_t seconds) {
  constexpr __int128 kSeconds = 60;
  const __int128 parts = __int128{per_minute} * std::max<int64_t>(seconds, 0);
  return static_cast<Pico>(
      std::min<__int128>((parts + kSeconds - 1) / kSeconds, __int128{kPicoMax}));
}

}  // namespace

bool IsComplete(const Price& price) {
  return (price.input && price.output) || price.per_minute.has_value();
}

std::string VersionOf(const Price& price, const std::string& day) {
  std::string row =
      fmt::format("{}|{}|{}|{}|{}|{}", price.target, price.currency, Word(price.input),
                  Word(price.cached_input), Word(price.output), price.source);
  if (price.per_minute) row += "|" + Word(price.per_minute);
  const std::string hash = fmt::format("{:08x}", static_cast<uint32_t>(Fnv1a().Add(row).value()));
  return day.empty() ? hash : day + "-" + hash;
}

std::optional<Pico> CostOf(const Price& price, const chat::Usage& usage) {
  if (price.per_minute && usage.sound_s) return OfSound(*price.per_minute, *usage.sound_s);
  if (!usage.prompt_tokens || !usage.completion_tokens) return std::nullopt;
  if (price.per_minute && !price.input && !price.output) return std::nullopt;
  const int64_t prompt = std::max<int64_t>(*usage.prompt_tokens, 0);
  const int64_t cached = std::clamp<int64_t>(usage.cached_tokens.value_or(0), 0, prompt);
  const auto fresh_cost = Part(price.input, prompt - cached);
  const auto cached_cost = Part(price.cached_input ? price.cached_input : price.input, cached);
  const auto answer_cost = Part(price.output, *usage.completion_tokens);
  if (!fresh_cost || !cached_cost || !answer_cost) return std::nullopt;
  return Add(Add(*fresh_cost, *cached_cost), *answer_cost);
}

std::optional<Pico> MostOf(const Price& price, int64_t prompt_tokens, int64_t completion_tokens,
                           int64_t sound_s) {
  const std::optional<Pico> input =
      price.input ? std::optional(std::max(*price.input, price.cached_input.value_or(0)))
                  : std::nullopt;
  const auto prompt = Part(input, prompt_tokens);
  const auto answer = Part(price.output, completion_tokens);
  std::optional<Pico> most;
  if (prompt && answer) most = Add(*prompt, *answer);
  if (price.per_minute && sound_s > 0)
    most = std::max(most.value_or(0), OfSound(*price.per_minute, sound_s));
  return most;
}

}  // namespace weir::ledger
