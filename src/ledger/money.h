// Money as whole numbers: pico (1e-12) of one currency. A token at 0.001 for a million of them
// costs 1000 pico, so every price that a person writes is exact, and so is every sum. Amounts of
// several currencies are never added. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace weir::ledger {

using Pico = int64_t;  // up to 9.2 million units; more is held at the end of the range

inline constexpr Pico kPicoMax = INT64_MAX;
inline constexpr Pico kPicoPerUnit = 1'000'000'000'000;

// Sums and products that stay at the ends of the range instead of wrapping: an amount that does not
// fit is too much for every budget.
Pico Add(Pico a, Pico b);
Pico Times(Pico price, int64_t count);

// Exact, without trailing zeros: "0.00021", "5", "-1.5".
std::string MoneyText(Pico amount);

// The sum of many amounts, which may be larger than one amount can be.
class Total {
 public:
  void Add(Pico amount) { pico_ += amount; }
  void Add(const Total& other) { pico_ += other.pico_; }
  // Whole units and what is left, as SQL adds them without an overflow.
  void Add(int64_t units, int64_t pico) { pico_ += __int128{units} * kPicoPerUnit + pico; }
  std::string Text() const;
  bool operator==(const Total&) const = default;

 private:
  __int128 pico_ = 0;
};

}  // namespace weir::ledger
