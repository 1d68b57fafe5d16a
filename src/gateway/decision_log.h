// The decisions of requests that are under way, and of the last ones, for `weir route explain` and
// for the answers' own headers. In memory, bounded; what is kept for longer is the history's.
//
// I/O thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "history/record.h"

namespace weir::gateway {

using DecisionRecord = history::Record;

class DecisionLog {
 public:
  static constexpr size_t kEndedMax = 256;
  // More requests than can be under way at once: a record that nobody ends does not stay for ever.
  static constexpr size_t kOpenMax = size_t{1} << 14;

  // The new record's id. It stays until it has ended, and longer, until kEndedMax others have.
  std::string Add(DecisionRecord record);
  // Null when it is not there (any more).
  DecisionRecord* Find(const std::string& id);
  // Find, and the record counts as ended from now on.
  DecisionRecord* End(const std::string& id);
  // Newest first.
  const std::list<DecisionRecord>& records() const { return records_; }

 private:
  using Place = std::list<DecisionRecord>::iterator;
  void Forget(Place place);

  std::list<DecisionRecord> records_ = {};
  std::unordered_map<std::string_view, Place> places_ = {};  // by ids that lie in the records
  std::deque<Place> ended_ = {};                             // the longest ago first
};

}  // namespace weir::gateway
