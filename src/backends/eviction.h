// Which loaded models give way to another one. Pure: figures in, a choice out.
//
// The rule. An engine may go when nobody uses it and nobody has pinned it. To bring it back costs
// its load time, and the longer nobody asked for it the less likely that becomes. So the least of
//
//     seconds that it took to load / seconds since its last use
//
// goes first, then the next, until the other one fits. Of those that were chosen so, the dearest
// first, whoever need not go after all stays: a small one that was the cheapest may have bought
// nothing. Where all of them together do not make room enough, none goes.
//
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"

namespace weir::backends {

struct LoadedEngine {
  uint64_t bytes = 0;
  bool may_go = false;
  Duration load = {};  // that it took
  Duration idle = {};  // since its last use
};

struct Room {
  uint64_t bytes_max = 0;  // of all engines together
  size_t engines_max = 0;
};

// Indexes of those that may go, the cheapest to bring back first.
std::vector<size_t> CheapestFirst(std::span<const LoadedEngine> loaded);

// Indexes of those that go so that one engine of `bytes` has a place; empty when there is room
// already. Nothing when no choice makes room.
std::optional<std::vector<size_t>> WhoGivesWay(std::span<const LoadedEngine> loaded, uint64_t bytes,
                                               const Room& room);

}  // namespace weir::backends
