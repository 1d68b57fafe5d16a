// The numbers within a range as an automaton that reads them a character at a time. It says what
// may follow; whoever calls enters the states and gives them their ids. Pure; any thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <functional>

#include "llama/schema_number.h"

namespace weir::llama {

// All that matters of what has been written: whether a number may end here, and the state after
// each of 0-9, a point and a minus.
struct NumberState {
  static constexpr int kNone = -1;
  static constexpr size_t kPoint = 10;
  static constexpr size_t kMinus = 11;

  bool ends = false;  // a number may end here
  std::array<int, 12> next = {kNone, kNone, kNone, kNone, kNone, kNone,
                              kNone, kNone, kNone, kNone, kNone, kNone};

  auto operator<=>(const NumberState&) const = default;
};

// The id of a state, the same for equal ones; kNone of one that nothing follows and that ends
// nothing.
using EnterState = std::function<int(const NumberState&)>;

inline constexpr int kWrittenMax = 20'000;

struct NumberBegin {
  NumberState state = {};
  int written = 0;  // that were told apart on the way; over kWrittenMax it is not all that there is
};

// The numbers that are not negative.
NumberBegin BeginUp(const NumberRange& range, const EnterState& enter);
// Those that are, without their minus.
NumberBegin BeginDown(const NumberRange& range, const EnterState& enter);

}  // namespace weir::llama
