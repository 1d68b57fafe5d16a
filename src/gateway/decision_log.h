// The decisions of the last requests, for `weir route explain` and for the answers' own headers. In
// memory, bounded; what has to last is the ledger's.
//
// I/O thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "chat/principal.h"
#include "routing/decision.h"

namespace weir::gateway {

struct Attempt {
  std::string target = {};
  std::string outcome = {};  // "served", or the code of the error that ended it
};

struct DecisionRecord {
  std::string id = {};  // "dec_..."
  WallTime time = {};
  chat::Principal principal = {};
  routing::Decision decision = {};
  std::vector<Attempt> attempts = {};
  std::vector<std::string> notes = {};  // what happened at providers, one line for each try
};

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
