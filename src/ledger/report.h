// What the ledger says: sums by day, key, project and so on, and single entries. Reads a ledger.db
// that is open, in the server's reading thread or in a command's own process.
//
// Amounts of several currencies stand beside each other, never in one sum; what has no price is
// counted as unpriced, never as zero.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ledger/money.h"
#include "sqlite/database.h"

namespace weir::ledger {

// What lines are made of: "day", "key", "project", "tenant", "user", "model", "target", "tier",
// "label", "task", "status".
bool IsGrouping(std::string_view by);
extern const std::string_view kGroupings;  // all of them, for messages

struct ReportAsk {
  std::string by = "day";
  WallTime since = {};
  std::optional<std::string> only_key = {};  // its id: entries of that key alone
};

using Money = std::map<std::string, Total>;  // by currency

struct Line {
  std::string name = {};
  int64_t entries = 0;
  int64_t served = 0;
  int64_t cancelled = 0;
  int64_t failed = 0;
  int64_t local = 0;  // served on this machine or at the edge
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompts'
  int64_t completion_tokens = 0;
  int64_t reasoning_tokens = 0;  // of the completions'
  int64_t sound_s = 0;           // seconds of sound, where they were told
  int64_t unpriced = 0;          // entries whose cost nobody knows
  int64_t estimated = 0;         // entries whose tokens we had to estimate
  int64_t overrun = 0;           // entries that cost more than was reserved
  // Of entries whose provider counted: its tokens and ours, prompt and completion together.
  int64_t compared = 0;
  int64_t their_tokens = 0;
  int64_t our_tokens = 0;
  int64_t energy_mj = 0;
  int64_t energy_known = 0;  // entries that it is of
  Money cost = {};
  // What the local entries would have cost at the strong model and at the cheapest that could have
  // taken each; `compared_local` of them have such a price.
  int64_t strong_known = 0;
  int64_t cheapest_known = 0;
  Money strong = {};
  Money cheapest = {};

  bool operator==(const Line&) const = default;
};

struct Report {
  std::string by = {};
  WallTime since = {};
  std::vector<Line> lines = {};  // days in order, others by their tokens, most first
  Line total = {};
  std::vector<std::string> strong_targets = {};
  std::vector<std::string> cheapest_targets = {};
  int64_t missing = 0;  // entries whose lines were dropped; their money is in `missing_cost`
  Money missing_cost = {};
};

inline constexpr size_t kLinesMax = 10'000;
inline constexpr int64_t kEntriesMax = 10'000;

// kInvalidArgument for an unknown `by`; kTooLarge for over kLinesMax lines.
Result<Report> ReadReport(sqlite::Database& db, const ReportAsk& ask);
// The last entries, newest first, as JSON text: an array of objects.
Result<std::string> ReadEntries(sqlite::Database& db, const ReportAsk& ask, int64_t limit);

// One JSON object.
std::string ReportJson(const Report& report);

}  // namespace weir::ledger
