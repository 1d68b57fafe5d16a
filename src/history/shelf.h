// decisions.db: a row for each decision, bounded in number and age. SQL and nothing else; store.h
// says who calls it. One thread, and the Database's rules.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "history/pace.h"
#include "history/record.h"
#include "routing/neighbours.h"
#include "routing/refit.h"
#include "sqlite/database.h"

namespace weir::history {

inline constexpr std::string_view kHistoryFile = "decisions.db";

struct Bounds {
  int64_t decisions_max = 100'000;
  Duration kept_for = std::chrono::hours(24 * 35);
};

class Shelf {
 public:
  static constexpr int64_t kPacesMax = 1024;

  // Migrates the schema, unless the database is open for reading alone.
  static Result<Shelf> Open(sqlite::Database db, const Bounds& bounds);
  // What lies in `folder`, beside a server that may write to it. kNotFound where nothing does.
  static Result<Shelf> OpenToRead(const std::filesystem::path& folder);

  Result<sqlite::Transaction> Begin() { return sqlite::Transaction::Begin(db_); }

  // An id that is there already is replaced.
  Result<void> Put(const Record& record);
  // Nothing for an id that is not there.
  Result<std::optional<Record>> Find(const std::string& id);
  // What is set is taken over; false is not. False when the id is not there.
  Result<bool> Signal(const std::string& id, const Signals& signals);
  // A vote of nothing takes an earlier one back.
  Result<bool> Vote(const std::string& id, std::optional<bool> up);
  // Removes what is too old or too much; a bounded number at once, so that others have their turn.
  Result<void> Tidy(WallTime now);

  // In place of an earlier one of the target.
  Result<void> PutPace(const Pace& pace, WallTime now);
  // At most kPacesMax, the latest.
  Result<std::vector<Pace>> Paces();

  // Every record since then, oldest first. A row that cannot be read (of a later version) is
  // counted and left out; `take` returns false to end early.
  Result<int64_t> Each(WallTime since, const std::function<bool(const Record&)>& take);
  // The outcomes that are known, of answers from below the cloud to a virtual model's requests.
  Result<std::vector<routing::LearnFrom>> Outcomes();
  // Those of them whose questions' places were kept, the newest first.
  Result<std::vector<routing::Neighbour>> Neighbours();

 private:
  Shelf(sqlite::Database db, const Bounds& bounds) : db_(std::move(db)), bounds_(bounds) {}

  sqlite::Database db_;
  Bounds bounds_;
};

}  // namespace weir::history
