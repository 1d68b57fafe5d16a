// The decisions of the last requests, for `weir route explain` and for the answers' own headers. In
// memory, bounded; what is kept for longer is the history's.
//
// I/O thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

#include "history/record.h"

namespace weir::gateway {

using DecisionRecord = history::Record;

class DecisionLog {
 public:
  static constexpr size_t kRecordsMax = 1024;

  // The new record's id. The oldest goes when there are too many.
  std::string Add(DecisionRecord record);
  // Null when it is not there (any more).
  DecisionRecord* Find(const std::string& id);
  // Newest first.
  const std::deque<std::string>& ids() const { return order_; }

 private:
  std::deque<std::string> order_ = {};
  std::unordered_map<std::string, DecisionRecord> records_ = {};
};

}  // namespace weir::gateway
