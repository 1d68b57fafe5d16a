#include "gateway/decision_log.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/random.h"

namespace weir::gateway {

std::string DecisionLog::Add(DecisionRecord record) {
  record.id = NewSortedId("dec_", record.time);  // the history and the ledger have it as a key
  records_.push_front(std::move(record));
  const std::string& id = records_.front().id;
  places_.emplace(id, records_.begin());
  if (records_.size() - ended_.size() > kOpenMax) {
    const auto open =
        std::ranges::find(records_ | std::views::reverse, false, &DecisionRecord::ended);
    End(open->id);
  }
  return id;
}

DecisionRecord* DecisionLog::Find(const std::string& id) {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &*found->second;
}

DecisionRecord* DecisionLog::End(const std::string& id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return nullptr;
  DecisionRecord& record = *found->second;
  if (std::exchange(record.ended, true)) return &record;
  ended_.push_back(found->second);
  if (ended_.size() > kEndedMax) {
    Forget(ended_.front());
    ended_.pop_front();
  }
  return &record;
}

void DecisionLog::Forget(Place place) {
  places_.erase(place->id);
  records_.erase(place);
}

}  // namespace weir::gateway
