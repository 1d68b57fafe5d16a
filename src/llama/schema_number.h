// What a JSON Schema says of a number: bounds and multipleOf, read exactly or refused by name.
//
// Every bound has at most 15 digits: a double keeps that many apart, so that what is within bounds
// as it is written is so for a reader with doubles, too. Pure; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>

class common_json;

namespace weir::llama {

inline constexpr int kNumberDigitsMax = 15;
inline constexpr int64_t kStepMax = 1'000'000'000;

// "12" and "5" are 12.5.
struct Bound {
  bool negative = false;
  std::string whole = "0";    // no zero in front of others
  std::string fraction = {};  // no zero at the end
  bool excluded = false;

  auto operator<=>(const Bound&) const = default;
};

// 25 and 2 are 0.25.
struct Step {
  int64_t count = 1;
  int places = 0;

  auto operator<=>(const Step&) const = default;
};

struct NumberRange {
  bool integer = false;
  std::optional<Bound> least = {};
  std::optional<Bound> most = {};
  std::optional<Step> step = {};  // never of 1 for an integer

  bool bound() const { return least || most || step; }
  auto operator<=>(const NumberRange&) const = default;
};

struct NumberProblem {
  std::string keyword;  // that is to blame; empty: several together
  std::string why;
};

// `node` is an object. Of minimum and exclusiveMinimum the stricter one counts.
std::expected<NumberRange, NumberProblem> ReadNumberRange(const common_json& node, bool integer);

}  // namespace weir::llama
