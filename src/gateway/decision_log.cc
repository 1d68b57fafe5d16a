#include "gateway/decision_log.h"

#include <utility>

#include "base/random.h"

namespace weir::gateway {

std::string DecisionLog::Add(DecisionRecord record) {
  record.id = NewSortedId("dec_", record.time);  // the history and the ledger have it as a key
  const std::string id = record.id;
  order_.push_front(id);
  records_.emplace(id, std::move(record));
  if (order_.size() > kRecordsMax) {
    records_.erase(order_.back());
    order_.pop_back();
  }
  return id;
}

DecisionRecord* DecisionLog::Find(const std::string& id) {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : &found->second;
}

}  // namespace weir::gateway
