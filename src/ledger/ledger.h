// The ledger while the server runs: what every attempt cost, and the money of budgets. It keeps the
// purses in memory and hands everything that has to last to a thread of its own, which writes many
// entries in one transaction; a second thread answers questions about what is written.
//
// No request waits for a disk, but for a reservation that goes beyond what is leased (purses.h):
// then the lease has to be on the disk first. What a crash loses are entries of the last moments,
// never money: that was leased.
//
// Bounds: kPendingMax entries wait for the writer. Beyond that their lines are dropped, counted and
// told (Gap); what they cost is still booked.
//
// I/O thread only. The Loop outlives it. The folder is the data folder; the file is ledger.db.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "ledger/budget.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/purses.h"
#include "sqlite/database.h"

namespace weir::ledger {

inline constexpr std::string_view kLedgerFile = "ledger.db";

class Ledger {
 public:
  static constexpr size_t kPendingMax = 1u << 15;
  static constexpr Duration kFlushAfter = std::chrono::milliseconds(50);
  static constexpr Duration kLeasePatience = std::chrono::seconds(5);
  static constexpr int64_t kFileBytesMax = int64_t{16} << 30;

  static Result<std::unique_ptr<Ledger>> Open(const std::filesystem::path& folder,
                                              const Executor& executor, const Clock& clock);
  ~Ledger();  // writes what waits, and gives the leases back
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // All of the claims or none. kRateLimited, reason budget_exhausted, with retry_after_s;
  // kUnavailable, reason ledger_unavailable, when the disk does not answer in kLeasePatience.
  Task<Result<void>> Reserve(std::vector<Claim> claims, Pico amount);
  // Ends a reservation with what it cost, and keeps the entry.
  void Book(Entry entry, const std::vector<Claim>& claims, Pico reserved);
  // Ends one that came to nothing.
  void Return(const std::vector<Claim>& claims, Pico reserved);
  // For what will be needed soon, and to give back what is not: every minute.
  void Tick(std::span<const Budget> budgets);
  // What was held after a crash is free again. Durable when it returns.
  Task<Result<void>> ReleaseHeld(PurseId purse);

  // When everything booked so far is on the disk. kUnavailable when that takes over
  // kLeasePatience.
  Task<Result<void>> Flush();
  // Runs `question` on the reading thread, after a Flush. At most 16 wait; kUnavailable then.
  template <class T>
  Task<Result<T>> Ask(std::function<Result<T>(sqlite::Database&)> question) {
    auto answer = std::make_shared<Result<T>>(Fail(Code::kCancelled, "cancelled"));
    auto asked = co_await Run(
        [answer, question = std::move(question)](sqlite::Database& db) { *answer = question(db); });
    if (!asked) co_return std::unexpected(asked.error());
    co_return std::move(*answer);
  }

  const Purses& purses() const;
  struct Figures {
    uint64_t booked = 0;
    uint64_t written = 0;
    uint64_t dropped = 0;   // lines, not money
    uint64_t failures = 0;  // of the disk
    uint64_t refused = 0;   // reservations
    size_t pending = 0;
  };
  Figures figures() const;

 private:
  struct State;
  explicit Ledger(std::shared_ptr<State> state);
  Task<Result<void>> Run(std::function<void(sqlite::Database&)> question);

  std::shared_ptr<State> state_;
};

}  // namespace weir::ledger
