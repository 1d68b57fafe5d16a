// One line of the ledger: an attempt at a target, how it ended, and what it cost. Plain values,
// handed from the I/O thread to the writer. No text of a request or an answer is in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "chat/event.h"
#include "ledger/money.h"
#include "ledger/price.h"
#include "ledger/purses.h"

namespace weir::ledger {

enum class Status : uint8_t { kServed, kCancelled, kFailed };
std::string_view StatusName(Status status);

// Who counted the tokens that the cost is of.
enum class CountedBy : uint8_t {
  kNobody,    // nothing is known
  kTarget,    // the provider, or our own engine
  kEstimate,  // we, from what was sent and what came: the provider did not say
};

// What an answer of this machine would have cost elsewhere.
struct Baseline {
  std::shared_ptr<const Price> price = {};
  Pico cost = 0;
};

// Money that this entry takes out of a purse.
struct Charge {
  PurseId purse = {};
  Pico amount = 0;

  bool operator==(const Charge&) const = default;
};

struct Entry {
  WallTime time = {};
  std::string decision = {};  // with `attempt` unique for ever
  int32_t attempt = 0;
  std::string key = {};  // its public id; empty without keys
  std::string key_name = {};
  std::string tenant = {};
  std::string project = {};
  std::string user = {};
  std::string asked = {};  // the model's name in the request
  std::string target = {};
  std::string model = {};
  std::string tier = {};
  std::string task = {};
  std::string label = {};
  Status status = Status::kServed;
  std::string reason = {};  // of a failure
  chat::Usage usage = {};   // what the cost is of
  CountedBy counted_by = CountedBy::kNobody;
  chat::Usage own = {};  // our own count, for comparison
  std::shared_ptr<const Price> price = {};
  std::optional<Pico> cost = {};  // nothing: unpriced. Without a price and with a cost of 0: ours
  Pico reserved = 0;
  int64_t took_us = 0;
  std::optional<int64_t> energy_mj = {};  // nothing: nobody knows
  bool local = false;                     // answered without a provider
  Baseline strong = {};                   // price null: none
  Baseline cheapest = {};
  std::vector<Charge> charges = {};
};

// Entries that could not be kept, because the writer was too far behind. Their money is not lost.
struct Gap {
  int64_t entries = 0;
  WallTime from = {};
  WallTime until = {};
  std::vector<std::pair<std::string, Pico>> cost = {};  // by currency
  std::vector<Charge> charges = {};
};

}  // namespace weir::ledger
