#include "routing/goal.h"

#include <algorithm>
#include <vector>

#include "routing/draft_check.h"
#include "routing/prediction.h"

namespace weir::routing {
namespace {

constexpr int64_t kDayMs = int64_t{24} * 60 * 60 * 1000;

int64_t UnixMs(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

int32_t Gains::Threshold(const Predictor& predictor, int32_t share) const {
  if (seen_.size() < kKnown) return predictor.GainOfShare(share);
  std::vector<int32_t> gains;
  gains.reserve(seen_.size());
  for (const Seen& each : seen_) gains.push_back(each.gain);
  const size_t place = std::min(
      gains.size() - 1, gains.size() * static_cast<size_t>(share) / static_cast<size_t>(kCertain));
  std::ranges::nth_element(gains, gains.begin() + static_cast<ptrdiff_t>(place),
                           std::ranges::greater());
  return gains[place];
}

void Gains::Add(const Seen& seen) {
  if (seen_.size() == kWindow) {
    up_ -= seen_.front().up ? 1 : 0;
    costs_ -= seen_.front().cost;
    seen_.pop_front();
  }
  seen_.push_back(seen);
  // So that kWindow of them do not leave the range.
  seen_.back().cost = std::clamp<int64_t>(seen.cost, 0, INT64_MAX / static_cast<int64_t>(kWindow));
  up_ += seen.up ? 1 : 0;
  costs_ += seen_.back().cost;
}

bool ShareKeeper::HasRoom() const {
  const auto& seen = gains_.seen();
  // The oldest leaves the window when the next comes.
  const bool full = seen.size() == kWindow;
  const size_t up = gains_.up() - (full && seen.front().up ? 1 : 0);
  const size_t all = full ? kWindow : seen.size() + 1;
  return (up + 1) * static_cast<size_t>(kCertain) <= all * static_cast<size_t>(share_max_);
}

int64_t CostKeeper::Left(const MoneyToday& today) const {
  return today.gone >= per_day_max_ ? 0 : per_day_max_ - std::max<int64_t>(today.gone, 0);
}

bool CostKeeper::HasRoom(const MoneyToday& today) const {
  return today.most && *today.most <= Left(today);
}

int32_t CostKeeper::Share(const MoneyToday& today) const {
  const auto& seen = gains_.seen();
  const auto count = static_cast<int64_t>(seen.size());
  const int64_t now = UnixMs(today.now);
  const int64_t rest = kDayMs - ((now % kDayMs) + kDayMs) % kDayMs;
  // As many for each millisecond as the last ones; before anything is known, as many as make them
  // known.
  int64_t to_come = static_cast<int64_t>(Gains::kKnown);
  if (seen.size() >= Gains::kKnown) {
    const int64_t span = std::max<int64_t>(now - UnixMs(seen.front().time), 1);
    to_come = static_cast<int64_t>(std::min(__int128{count} * rest / span, __int128{kPicoMax}));
  }
  const int64_t own = std::clamp<int64_t>(today.expected.value_or(0), 0, kPicoMax);
  const auto cost = static_cast<int64_t>((__int128{gains_.costs()} + own) / (count + 1));
  const auto affordable = Left(today) / std::max<int64_t>(cost, 1);
  const __int128 share = __int128{affordable} * kCertain / std::max<int64_t>(to_come, 1);
  return static_cast<int32_t>(std::min(share, __int128{kCertain}));
}

void CostKeeper::Decided(int32_t gain, bool went_up, const MoneyToday& today) {
  gains_.Add({.gain = gain, .up = went_up, .time = today.now, .cost = today.expected.value_or(0)});
}

}  // namespace weir::routing
