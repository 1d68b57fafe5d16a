#include "llama/number_interval.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

// A number is written from its first digit on. Which character may come next depends on little of
// what came before: how many digits there are, whether they are less than, the same as or more than
// the bounds' digits in the same places (one more place decides a tie and nothing else), and what
// they leave when divided by the step. There are no zeros in front, so of two numbers with
// different counts of digits before the point the longer one is more. That makes a finite automaton
// without cycles: the dynamic programming over digits that counts numbers within bounds, kept as a
// graph.

namespace weir::llama {
namespace {

// How digits compare with those of a bound in the same places.
enum class Order : int8_t { kLess, kSame, kMore };

Order Then(Order so_far, int digit, int of_bound) {
  if (so_far != Order::kSame || digit == of_bound) return so_far;
  return digit < of_bound ? Order::kLess : Order::kMore;
}

// What counts of the digits so far.
struct Written {
  int digits = 0;
  int places = -1;  // digits behind the point; -1: there is no point
  bool zero = false;
  Order low = Order::kMore;
  Order high = Order::kLess;
  int64_t rest = 0;  // in units of the step's last place

  auto operator<=>(const Written&) const = default;
};

int DigitAt(const std::string& digits, int at) {
  const auto index = static_cast<size_t>(at);
  return index < digits.size() ? digits[index] - '0' : 0;
}

// The numbers without a sign between two bounds; nullptr: there is none.
class Interval {
 public:
  Interval(const NumberRange& range, const Bound* low, const Bound* high, const EnterState& enter)
      : range_(range),
        low_(low),
        high_(high),
        digits_max_(range.integer && !range.step ? kNumberDigitsMax + 1 : kNumberDigitsMax),
        places_max_(range.integer ? 0
                    : range.step  ? range.step->places
                                  : kNumberDigitsMax),
        count_(range.step.value_or(Step{}).count),
        units_(UnitsOf(range.step.value_or(Step{}))),
        enter_(enter) {}

  NumberBegin Begin() {
    Written start;
    if (low_ != nullptr) start.low = Order::kSame;
    if (high_ != nullptr) start.high = Order::kSame;
    const NumberState state = Of(start);
    return {.state = state, .written = written()};
  }

 private:
  int written() const { return static_cast<int>(known_.size()); }

  NumberState Of(const Written& at) {
    NumberState state{.ends = Ends(at)};
    for (int digit = 0; digit < 10; ++digit) {
      if (const auto next = Digit(at, digit)) state.next[static_cast<size_t>(digit)] = IdOf(*next);
    }
    if (const auto next = Point(at)) state.next[NumberState::kPoint] = IdOf(*next);
    return state;
  }

  int IdOf(const Written& at) {
    const auto known = known_.find(at);
    if (known != known_.end()) return known->second;
    const int id = written() > kWrittenMax ? NumberState::kNone : enter_(Of(at));
    known_[at] = id;
    return id;
  }

  std::optional<Written> Digit(Written at, int digit) const {
    const bool before_point = at.places < 0;
    if (++at.digits > digits_max_ || (before_point && at.zero)) return std::nullopt;
    if (!before_point && ++at.places > places_max_) return std::nullopt;
    at.zero = before_point && at.digits == 1 && digit == 0;
    if (before_point) {
      CompareWhole(at, digit);
    } else {
      ComparePlace(at, digit);
    }
    Divide(at, digit);
    if (!MayEnd(at)) return std::nullopt;
    // How many places there are matters to a bound that is not decided and to a step.
    const bool decided = at.low != Order::kSame && at.high != Order::kSame;
    if (!before_point && decided && !range_.step) at.places = 1;
    return at;
  }

  void CompareWhole(Written& at, int digit) const {
    const int index = at.digits - 1;
    if (low_ != nullptr) {
      at.low = LengthOf(*low_) < at.digits ? Order::kMore
                                           : Then(at.low, digit, DigitAt(low_->whole, index));
    }
    if (high_ != nullptr) at.high = Then(at.high, digit, DigitAt(high_->whole, index));
  }

  void ComparePlace(Written& at, int digit) const {
    const int index = at.places - 1;
    if (low_ != nullptr) at.low = Then(at.low, digit, DigitAt(low_->fraction, index));
    if (high_ != nullptr) at.high = Then(at.high, digit, DigitAt(high_->fraction, index));
  }

  // Whether there may be a number that goes on so. Each bound, and the step, is asked by itself.
  bool MayEnd(const Written& at) const {
    const int places = static_cast<int>(units_.size()) - 1;
    if (at.places >= 0) {
      return at.low != Order::kLess && at.high != Order::kMore &&
             HasMultiple(at.rest, places - at.places);
    }
    // The counts of digits before the point that are left to it.
    const int least = low_ == nullptr ? 0 : LengthOf(*low_) + (at.low == Order::kLess ? 1 : 0);
    const int most =
        high_ == nullptr ? digits_max_ : LengthOf(*high_) - (at.high == Order::kMore ? 1 : 0);
    int64_t rest = at.rest;
    for (int digits = at.digits; digits <= most; ++digits) {
      if (digits >= least && HasMultiple(rest, digits - at.digits + places)) return true;
      rest = rest * 10 % count_;
    }
    return false;
  }

  // Among the numbers that have so many more digits in the step's units.
  bool HasMultiple(int64_t rest, int digits) const {
    int64_t numbers = 1;
    for (int i = 0; i < digits && numbers < count_; ++i) numbers *= 10;
    return (count_ - rest) % count_ < numbers;
  }

  void Divide(Written& at, int digit) const {
    if (!range_.step) return;
    const int64_t before = at.places < 0 ? at.rest * 10 : at.rest;
    const int64_t unit = units_[static_cast<size_t>(std::max(at.places, 0))];
    at.rest = (before + digit * unit) % count_;
  }

  // What a one is worth before the point and in each place behind it, in the step's last place.
  static std::vector<int64_t> UnitsOf(const Step& step) {
    std::vector<int64_t> units(static_cast<size_t>(step.places) + 1, 1 % step.count);
    for (size_t i = units.size() - 1; i > 0; --i) units[i - 1] = units[i] * 10 % step.count;
    return units;
  }

  // The digits before the point are all there: their number decides, or they do.
  std::optional<Written> Point(Written at) const {
    const bool may = at.places < 0 && at.digits > 0 && at.digits < digits_max_ && places_max_ > 0;
    if (!may) return std::nullopt;
    at.low = LowOf(at);
    at.high = HighOf(at);
    if (at.low == Order::kLess || at.high == Order::kMore) return std::nullopt;
    at.places = 0;
    at.zero = false;
    return at;
  }

  bool Ends(const Written& at) const {
    if (at.digits == 0 || at.places == 0 || at.rest != 0) return false;
    const Order low = LowOf(at);
    const Order high = HighOf(at);
    // Of a bound with the same digits there may be more places, none of which is a zero at the end.
    const bool above = low == Order::kMore ||
                       (low == Order::kSame && !low_->excluded && !HasMore(*low_, at.places));
    const bool below = high == Order::kLess ||
                       (high == Order::kSame && (!high_->excluded || HasMore(*high_, at.places)));
    return above && below;
  }

  Order LowOf(const Written& at) const {
    const bool shorter = low_ != nullptr && at.places < 0 && at.digits < LengthOf(*low_);
    return shorter ? Order::kLess : at.low;
  }
  Order HighOf(const Written& at) const {
    const bool shorter = high_ != nullptr && at.places < 0 && at.digits < LengthOf(*high_);
    return shorter ? Order::kLess : at.high;
  }

  static int LengthOf(const Bound& bound) { return static_cast<int>(bound.whole.size()); }
  static bool HasMore(const Bound& bound, int places) {
    return static_cast<int>(bound.fraction.size()) > std::max(places, 0);
  }

  const NumberRange& range_;
  const Bound* low_;
  const Bound* high_;
  int digits_max_;
  int places_max_;
  int64_t count_;
  std::vector<int64_t> units_;
  const EnterState& enter_;
  std::map<Written, int> known_ = {};
};

bool IsZero(const Bound& bound) { return bound.whole == "0" && bound.fraction.empty(); }

}  // namespace

NumberBegin BeginUp(const NumberRange& range, const EnterState& enter) {
  if (range.most && range.most->negative) return {};
  const bool from_zero =
      !range.least || range.least->negative || (IsZero(*range.least) && !range.least->excluded);
  const Bound* low = from_zero ? nullptr : &*range.least;
  return Interval(range, low, range.most ? &*range.most : nullptr, enter).Begin();
}

NumberBegin BeginDown(const NumberRange& range, const EnterState& enter) {
  static const Bound kZero{.excluded = true};
  if (range.least && !range.least->negative) return {};
  const bool to_zero = !range.most || !range.most->negative;
  const Bound* low = to_zero ? &kZero : &*range.most;
  return Interval(range, low, range.least ? &*range.least : nullptr, enter).Begin();
}

}  // namespace weir::llama
