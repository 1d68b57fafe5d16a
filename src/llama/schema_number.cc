#include "llama/schema_number.h"

#include <fmt/format.h>
#include <json.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace weir::llama {
namespace {

constexpr double kBoundMax = 1e15;

// The decimal that was written, if it had up to 15 digits: no shorter one reads as the same double.
std::optional<Bound> DecimalOf(double value) {
  if (!std::isfinite(value) || std::abs(value) > kBoundMax) return std::nullopt;
  Bound out{.negative = value < 0};
  if (value == 0) return out;
  char text[32] = {};  // "1.25e-07"
  const char* end =
      std::to_chars(text, text + sizeof(text), std::abs(value), std::chars_format::scientific).ptr;
  const char* at = std::find(text, text + sizeof(text), 'e');
  std::string digits(static_cast<const char*>(text), at);
  std::erase(digits, '.');
  int exponent = 0;
  at += at[1] == '+' ? 2 : 1;
  std::from_chars(at, end, exponent);
  if (digits.size() > kNumberDigitsMax || exponent < -kNumberDigitsMax) return std::nullopt;
  if (exponent < 0) {
    out.fraction = std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  } else {
    const auto whole = static_cast<size_t>(exponent) + 1;
    digits.resize(std::max(digits.size(), whole), '0');
    out.whole = digits.substr(0, whole);
    out.fraction = digits.substr(whole);
  }
  if (out.fraction.size() > kNumberDigitsMax) return std::nullopt;
  return out;
}

class Reader {
 public:
  explicit Reader(const common_json& node) : node_(node) {}

  const std::optional<NumberProblem>& problem() const { return problem_; }

  // `stricter` is 1 where the higher of the two is.
  std::optional<Bound> Stricter(const char* inclusive, const char* exclusive, double stricter) {
    const auto with = Number(inclusive);
    const auto without = Number(exclusive);
    if (!with && !without) return std::nullopt;
    const bool excluded = without && (!with || stricter * *without >= stricter * *with);
    auto bound = Exact(excluded ? exclusive : inclusive, excluded ? *without : *with);
    if (bound) bound->excluded = excluded;
    return bound;
  }

  std::optional<Step> MultipleOf(bool integer) {
    const char* const keyword = "multipleOf";
    const auto value = Number(keyword);
    if (!value) return std::nullopt;
    if (*value <= 0) return Wrong(keyword, "multipleOf must be over 0");
    const auto exact = Exact(keyword, *value);
    if (!exact) return std::nullopt;
    Step step{.count = std::stoll(exact->whole + exact->fraction),
              .places = static_cast<int>(exact->fraction.size())};
    if (integer) {
      // Whole multiples of 0.75 are those of 3.
      for (; step.places > 0; --step.places) {
        step.count /= std::gcd(step.count, int64_t{10});
      }
    }
    if (step.count > kStepMax) return Wrong(keyword, "multipleOf has over 9 digits");
    return step;
  }

 private:
  std::nullopt_t Wrong(const char* keyword, std::string why) {
    if (!problem_) problem_ = NumberProblem{.keyword = keyword, .why = std::move(why)};
    return std::nullopt;
  }

  std::optional<double> Number(const char* keyword) {
    if (!node_.contains(keyword)) return std::nullopt;
    const common_json& value = node_.at(keyword);
    if (!value.is_number()) return Wrong(keyword, fmt::format("{} must be a number", keyword));
    return value.get<double>();
  }

  std::optional<Bound> Exact(const char* keyword, double value) {
    auto bound = DecimalOf(value);
    if (bound) return bound;
    return Wrong(keyword,
                 fmt::format("{} must be between -1e15 and 1e15, with at most {} digits and {} "
                             "decimal places",
                             keyword, kNumberDigitsMax, kNumberDigitsMax));
  }

  const common_json& node_;
  std::optional<NumberProblem> problem_ = {};
};

}  // namespace

std::expected<NumberRange, NumberProblem> ReadNumberRange(const common_json& node, bool integer) {
  Reader reader(node);
  NumberRange range{.integer = integer,
                    .least = reader.Stricter("minimum", "exclusiveMinimum", 1),
                    .most = reader.Stricter("maximum", "exclusiveMaximum", -1),
                    .step = reader.MultipleOf(integer)};
  if (reader.problem()) return std::unexpected(*reader.problem());
  if (integer && range.step && range.step->count == 1) range.step.reset();
  return range;
}

}  // namespace weir::llama
