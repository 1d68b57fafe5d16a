#include "routing/energy.h"

#include <fmt/core.h>

#include <algorithm>

#include "routing/decision.h"

namespace weir::routing {
namespace {

constexpr int64_t kMost = int64_t{1} << 40;  // of tokens, milliseconds and watts
constexpr __int128 kMillijoulesPerKwh = 3'600'000'000;

int64_t Bounded(__int128 value) {
  return static_cast<int64_t>(std::clamp<__int128>(value, 0, INT64_MAX));
}

int64_t PromptTokens(const Features& features) {
  return std::clamp<int64_t>(features.prompt_bytes / kBytesPerTokenGuess, 0, kMost);
}

}  // namespace

std::optional<int64_t> ExpectedMillijoules(const Energy& energy, const Target& target,
                                           const Speed& speed, const Features& features) {
  if (energy.watts <= 0 || target.beyond) return std::nullopt;
  // A model that is there, for somebody who does not wait: what is left is computing.
  Speed computing = speed;
  computing.load_ms = 0;
  computing.queue_ms = 0;
  const auto ms = ExpectedMs(computing, features);
  if (!ms) return std::nullopt;
  return Bounded(__int128{*ms} * std::min(energy.watts, kMost));
}

int64_t PicoOf(int64_t millijoules, int64_t pico_per_kwh) {
  return Bounded(__int128{std::max<int64_t>(millijoules, 0)} * std::max<int64_t>(pico_per_kwh, 0) /
                 kMillijoulesPerKwh);
}

std::optional<Cost> ExpectedCost(const Energy& energy, const Considered& considered,
                                 const Features& features) {
  const TokenPrices& prices = considered.prices;
  if (features.task != Task::kGenerate) return std::nullopt;
  if (prices.input && prices.output && !prices.currency.empty()) {
    const int64_t prompt = PromptTokens(features);
    const int64_t cached = std::clamp<int64_t>(considered.speed.cached_tokens, 0, prompt);
    const int64_t answer = std::clamp<int64_t>(AnswerTokens(considered.speed, features), 0, kMost);
    return Cost{Bounded(__int128{prompt - cached} * *prices.input +
                        __int128{cached} * prices.cached_input.value_or(*prices.input) +
                        __int128{answer} * *prices.output),
                prices.currency};
  }
  if (!considered.energy_mj || energy.currency.empty()) return std::nullopt;
  return Cost{PicoOf(*considered.energy_mj, energy.pico_per_kwh), energy.currency};
}

bool IsClearlyCheaper(const Cost& cost, const Cost& than) {
  return cost.currency == than.currency && cost.pico < than.pico &&
         than.pico - cost.pico >= than.pico / 4;
}

std::string CostText(const Cost& cost) {
  return fmt::format("{:.6f} {}", static_cast<double>(cost.pico) / 1e12, cost.currency);
}

}  // namespace weir::routing
