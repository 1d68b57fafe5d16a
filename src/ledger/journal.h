// The tables of ledger.db and what is done to them. Entries are only ever added; what a purse holds
// changes in the transaction of the entry that changed it, so that a crash shows both or neither.
// docs/formats/ledger.md describes the file.
//
// One thread: the one that owns the Database. The Database outlives the journal.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/purses.h"
#include "sqlite/database.h"

namespace weir::ledger {

// Gives what was held in a purse free again: somebody has looked at the provider's bill.
struct Release {
  PurseId purse = {};
};

using Command = std::variant<Entry, Gap, LeaseWish, Release>;

// What became of a LeaseWish.
struct Lease {
  PurseId purse = {};
  Pico ceiling = 0;
  std::optional<PurseRow> row = {};  // of a wish to open, before the lease
};

class Journal {
 public:
  // Migrates the schema. What was leased when the last program ended without Close becomes held.
  static Result<Journal> Open(sqlite::Database& db);

  // All of them, in order, in one transaction; durable when it returns. An entry that is there
  // already changes nothing, so what is repeated after a failure is harmless.
  Result<std::vector<Lease>> Apply(std::span<const Command> commands);
  // Gives all leases back: nothing runs any more.
  Result<void> Close();

  Result<PurseRow> Read(const PurseId& purse);

 private:
  struct Statements;

  explicit Journal(sqlite::Database& db) : db_(db) {}
  Result<void> Put(Statements& statements, const Entry& entry);
  Result<void> Put(Statements& statements, const Gap& gap);
  Result<Lease> Put(Statements& statements, const LeaseWish& wish);
  Result<void> Take(Statements& statements, const Charge& charge);
  Result<std::optional<int64_t>> PriceId(Statements& statements, const Price* price, WallTime now);
  Result<PurseRow> ReadRow(sqlite::Statement& select, const PurseId& purse);

  sqlite::Database& db_;
  std::map<std::pair<std::string, std::string>, int64_t> price_ids_ = {};  // by target and version
};

}  // namespace weir::ledger
