#include "backends/eviction.h"

#include <algorithm>
#include <ranges>

namespace weir::backends {
namespace {

// An answer within the last second is as recent as can be, and nothing is loaded for free.
constexpr Duration kIdleMin = std::chrono::seconds(1);
constexpr Duration kLoadMin = std::chrono::milliseconds(1);

double WorthKeeping(const LoadedEngine& engine) {
  return std::chrono::duration<double>(std::max(engine.load, kLoadMin)) /
         std::chrono::duration<double>(std::max(engine.idle, kIdleMin));
}

}  // namespace

std::vector<size_t> CheapestFirst(std::span<const LoadedEngine> loaded) {
  std::vector<size_t> order;
  for (size_t i = 0; i < loaded.size(); ++i) {
    if (loaded[i].may_go) order.push_back(i);
  }
  std::ranges::sort(order, [&](size_t a, size_t b) {
    const double worth_a = WorthKeeping(loaded[a]), worth_b = WorthKeeping(loaded[b]);
    if (worth_a != worth_b) return worth_a < worth_b;
    return loaded[a].idle != loaded[b].idle ? loaded[a].idle > loaded[b].idle : a < b;
  });
  return order;
}

std::optional<std::vector<size_t>> WhoGivesWay(std::span<const LoadedEngine> loaded, uint64_t bytes,
                                               const Room& room) {
  uint64_t taken = bytes;
  size_t engines = loaded.size() + 1;
  for (const LoadedEngine& engine : loaded) taken += engine.bytes;
  const auto fits = [&] { return taken <= room.bytes_max && engines <= room.engines_max; };

  std::vector<size_t> chosen;
  for (const size_t i : CheapestFirst(loaded)) {
    if (fits()) break;
    chosen.push_back(i);
    taken -= loaded[i].bytes;
    --engines;
  }
  if (!fits()) return std::nullopt;
  std::vector<size_t> gone;
  for (const size_t i : std::views::reverse(chosen)) {
    taken += loaded[i].bytes;
    ++engines;
    if (fits()) continue;  // it stays
    taken -= loaded[i].bytes;
    --engines;
    gone.insert(gone.begin(), i);
  }
  return gone;
}

}  // namespace weir::backends
