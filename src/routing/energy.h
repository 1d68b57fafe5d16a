// What an answer is expected to cost: tokens at their prices, or, at a model of this machine, the
// energy that computing takes at a declared wattage and price. What nobody declared or measured is
// absent, and then so is the cost. Pure, and in integers: the same figures give the same cost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weir::routing {

struct Considered;
struct Features;
struct Speed;
struct Target;

// Of this machine while it computes.
struct Energy {
  int64_t watts = 0;          // 0: nobody said
  int64_t pico_per_kwh = 0;   // of `currency`
  std::string currency = {};  // empty: nobody said what energy costs

  bool operator==(const Energy&) const = default;
};

struct Cost {
  int64_t pico = 0;
  std::string currency = {};
  bool operator==(const Cost&) const = default;
};

// Of processing what is not cached of the prompt, and of the answer; loading a model and waiting
// are nobody's. Nothing where a rate or the wattage is not known, and for what runs elsewhere.
std::optional<int64_t> ExpectedMillijoules(const Energy& energy, const Target& target,
                                           const Speed& speed, const Features& features);

// Rounded down to a pico; the most that there is where it is more.
int64_t PicoOf(int64_t millijoules, int64_t pico_per_kwh);

// By the target's own prices where it has some, else by the energy. `considered` has its speed
// (with what is declared), its prices and its energy.
std::optional<Cost> ExpectedCost(const Energy& energy, const Considered& considered,
                                 const Features& features);

// Whether paying less is worth another order: in the same money, a quarter of it at least.
bool IsClearlyCheaper(const Cost& cost, const Cost& than);

// For explanations: up to six decimals and the currency.
std::string CostText(const Cost& cost);

}  // namespace weir::routing
