#include "routing/goal.h"

#include <algorithm>
#include <vector>

#include "routing/draft_check.h"
#include "routing/prediction.h"

namespace weir::routing {

int32_t ShareKeeper::Threshold(const Predictor& predictor) const {
  if (seen_.size() < kKnown) return predictor.GainOfShare(share_max_);
  std::vector<int32_t> gains;
  gains.reserve(seen_.size());
  for (const Seen& each : seen_) gains.push_back(each.gain);
  const size_t place = std::min(gains.size() - 1, gains.size() * static_cast<size_t>(share_max_) /
                                                      static_cast<size_t>(kCertain));
  std::ranges::nth_element(gains, gains.begin() + static_cast<ptrdiff_t>(place),
                           std::ranges::greater());
  return gains[place];
}

bool ShareKeeper::HasRoom() const {
  // The oldest leaves the window when the next comes.
  const bool full = seen_.size() == kWindow;
  const size_t up = up_ - (full && seen_.front().up ? 1 : 0);
  const size_t all = full ? kWindow : seen_.size() + 1;
  return (up + 1) * static_cast<size_t>(kCertain) <= all * static_cast<size_t>(share_max_);
}

void ShareKeeper::Decided(int32_t gain, bool went_up) {
  if (seen_.size() == kWindow) {
    up_ -= seen_.front().up ? 1 : 0;
    seen_.pop_front();
  }
  seen_.push_back({gain, went_up});
  up_ += went_up ? 1 : 0;
}

}  // namespace weir::routing
