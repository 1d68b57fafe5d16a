#include "history/shelf.h"

#include <utility>

#include "sqlite/migrations.h"
#include "sqlite/rows.h"

namespace weir::history {
namespace {

// What the record says of signals is what was known when it was put; the columns are what counts.
constexpr sqlite::Migration kSteps[] = {
    {"CREATE TABLE decision (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
     " time_ms INTEGER NOT NULL, record TEXT NOT NULL, vote INTEGER,"
     " regenerated INTEGER NOT NULL DEFAULT 0, escalated INTEGER NOT NULL DEFAULT 0,"
     " continued INTEGER NOT NULL DEFAULT 0);"
     "CREATE INDEX decision_time ON decision (time_ms);"
     "CREATE INDEX decision_known ON decision (number) WHERE vote IS NOT NULL OR regenerated = 1"
     " OR escalated = 1 OR continued = 1;"},
    // Where its question lies (routing/neighbours.h), and in which space.
    {"ALTER TABLE decision ADD COLUMN space INTEGER; ALTER TABLE decision ADD COLUMN vector BLOB;"},
    // How fast targets answered lately (pace.h).
    {"CREATE TABLE pace (target TEXT PRIMARY KEY, time_ms INTEGER NOT NULL, model TEXT NOT NULL,"
     " prefill_tokens REAL NOT NULL, prefill_ms REAL NOT NULL, decode_tokens REAL NOT NULL,"
     " decode_ms REAL NOT NULL, queue_ms REAL NOT NULL, queue_requests REAL NOT NULL,"
     " first_ms REAL NOT NULL, first_answers REAL NOT NULL, answer_tokens REAL NOT NULL,"
     " answers REAL NOT NULL, load_ms INTEGER) WITHOUT ROWID;"},
};

constexpr size_t kVectorBytesMax = 8192;  // of a row that is read

std::span<const std::byte> BytesOf(const Record& record) {
  return record.place ? std::as_bytes(std::span(record.place->vector))
                      : std::span<const std::byte>();
}

// The outcome of an answer of a target below the cloud, where it is known. Only who answered at the
// first place shows how good a small model's answers are.
std::optional<bool> SmallWasRight(const Record& record) {
  if (!record.facts || !record.served || record.order.empty()) return std::nullopt;
  const bool small =
      record.served->tier != routing::Tier::kCloud && record.served->target == record.order.front();
  return small ? WasRight(record.signals) : std::nullopt;
}

constexpr int64_t kTidyAtOnce = 2000;

int64_t UnixMs(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

Result<Record> RecordAt(const sqlite::Statement& row) {
  auto record = ParseRecord(row.Text(0));
  if (!record) return record;
  const auto vote = row.OptionalInt(1);
  record->signals = {.vote = vote ? std::optional(*vote != 0) : std::nullopt,
                     .regenerated = row.Int(2) != 0,
                     .escalated = row.Int(3) != 0,
                     .continued = row.Int(4) != 0};
  return record;
}

std::optional<int64_t> VoteOf(const std::optional<bool>& up) {
  return up ? std::optional<int64_t>(*up ? 1 : 0) : std::nullopt;
}

}  // namespace

Result<Shelf> Shelf::Open(sqlite::Database db, const Bounds& bounds) {
  if (auto migrated = sqlite::Migrate(db, "decisions", kSteps); !migrated)
    return Fail(migrated.error());
  return Shelf(std::move(db), bounds);
}

Result<Shelf> Shelf::OpenToRead(const std::filesystem::path& folder) {
  const auto path = folder / kHistoryFile;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Fail(Code::kNotFound, "no server has kept decisions in this data folder yet", "data");
  }
  auto db = sqlite::Database::Open(path, {.read_only = true, .check = false});
  if (!db) return Fail(db.error());
  return Shelf(std::move(*db), {});
}

Result<void> Shelf::Put(const Record& record) {
  return sqlite::Run(
      db_,
      "INSERT INTO decision (id, time_ms, record, vote, regenerated, escalated, continued, space,"
      " vector) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, CASE WHEN ?8 IS NOT NULL THEN ?9 END)"
      " ON CONFLICT (id) DO UPDATE SET record = ?3",
      record.id, UnixMs(record.time), PrintRecord(record), VoteOf(record.signals.vote),
      record.signals.regenerated, record.signals.escalated, record.signals.continued,
      record.place ? std::optional(static_cast<int64_t>(record.place->space)) : std::nullopt,
      BytesOf(record));
}

Result<std::optional<Record>> Shelf::Find(const std::string& id) {
  auto select = db_.Prepare(
      "SELECT record, vote, regenerated, escalated, continued FROM decision WHERE id = ?1");
  if (!select) return Fail(select.error());
  select->Bind(id);
  auto row = select->Step();
  if (!row) return Fail(row.error());
  if (!*row) return std::nullopt;
  auto record = RecordAt(*select);
  if (!record) return Fail(record.error());
  return std::move(*record);
}

Result<bool> Shelf::Signal(const std::string& id, const Signals& signals) {
  auto run = sqlite::Run(
      db_,
      "UPDATE decision SET vote = coalesce(?2, vote), regenerated = max(regenerated, ?3),"
      " escalated = max(escalated, ?4), continued = max(continued, ?5) WHERE id = ?1",
      id, VoteOf(signals.vote), signals.regenerated, signals.escalated, signals.continued);
  if (!run) return Fail(run.error());
  return db_.Changes() > 0;
}

Result<bool> Shelf::Vote(const std::string& id, std::optional<bool> up) {
  auto run = sqlite::Run(db_, "UPDATE decision SET vote = ?2 WHERE id = ?1", id, VoteOf(up));
  if (!run) return Fail(run.error());
  return db_.Changes() > 0;
}

Result<void> Shelf::Tidy(WallTime now) {
  const int64_t oldest =
      UnixMs(now) - std::chrono::duration_cast<std::chrono::milliseconds>(bounds_.kept_for).count();
  auto aged =
      sqlite::Run(db_,
                  "DELETE FROM decision WHERE number IN"
                  " (SELECT number FROM decision WHERE time_ms < ?1 ORDER BY time_ms LIMIT ?2)",
                  oldest, kTidyAtOnce);
  if (!aged) return aged;
  if (auto paces = sqlite::Run(db_,
                               "DELETE FROM pace WHERE time_ms < ?1 OR target NOT IN"
                               " (SELECT target FROM pace ORDER BY time_ms DESC LIMIT ?2)",
                               oldest, kPacesMax);
      !paces) {
    return paces;
  }
  const auto count = sqlite::FirstOf(db_, "SELECT count(*) FROM decision",
                                     [](const sqlite::Statement& row) { return row.Int(0); });
  if (!count) return Fail(count.error());
  const int64_t over = std::min(count->value_or(0) - bounds_.decisions_max, kTidyAtOnce);
  if (over <= 0) return {};
  return sqlite::Run(db_,
                     "DELETE FROM decision WHERE number IN"
                     " (SELECT number FROM decision ORDER BY number LIMIT ?1)",
                     over);
}

Result<void> Shelf::PutPace(const Pace& pace, WallTime now) {
  return sqlite::Run(
      db_, "INSERT OR REPLACE INTO pace VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
      pace.target, UnixMs(now), pace.model, pace.prefill.amount, pace.prefill.over,
      pace.decode.amount, pace.decode.over, pace.queue.amount, pace.queue.over, pace.first.amount,
      pace.first.over, pace.answer.amount, pace.answer.over, pace.load_ms);
}

Result<std::vector<Pace>> Shelf::Paces() {
  return sqlite::RowsOf(
      db_,
      "SELECT target, model, prefill_tokens, prefill_ms, decode_tokens, decode_ms, queue_ms,"
      " queue_requests, first_ms, first_answers, answer_tokens, answers, load_ms FROM pace"
      " ORDER BY time_ms DESC LIMIT ?1",
      [](const sqlite::Statement& row) {
        const auto ratio = [&row](int column) {
          return Pace::Ratio{row.Real(column), row.Real(column + 1)};
        };
        return Pace{.target = std::string(row.Text(0)),
                    .model = std::string(row.Text(1)),
                    .prefill = ratio(2),
                    .decode = ratio(4),
                    .queue = ratio(6),
                    .first = ratio(8),
                    .answer = ratio(10),
                    .load_ms = row.OptionalInt(12)};
      },
      kPacesMax);
}

Result<int64_t> Shelf::Each(WallTime since, const std::function<bool(const Record&)>& take) {
  auto select = db_.Prepare(
      "SELECT record, vote, regenerated, escalated, continued FROM decision WHERE time_ms >= ?1"
      " ORDER BY time_ms, number");
  if (!select) return Fail(select.error());
  select->Bind(UnixMs(since));
  int64_t unread = 0;
  for (;;) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return unread;
    const auto record = RecordAt(*select);
    if (!record) {
      ++unread;
    } else if (!take(*record)) {
      return unread;
    }
  }
}

Result<std::vector<routing::LearnFrom>> Shelf::Outcomes() {
  auto select = db_.Prepare(
      "SELECT record, vote, regenerated, escalated, continued FROM decision WHERE vote IS NOT NULL"
      " OR regenerated = 1 OR escalated = 1 OR continued = 1");
  if (!select) return Fail(select.error());
  std::vector<routing::LearnFrom> outcomes;
  for (;;) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return outcomes;
    const auto record = RecordAt(*select);
    if (!record) continue;
    const auto right = SmallWasRight(*record);
    if (!right) continue;
    outcomes.push_back(
        {.id = record->id, .predicted = record->facts->predicted.small_right, .right = *right});
  }
}

Result<std::vector<routing::Neighbour>> Shelf::Neighbours() {
  auto select = db_.Prepare(
      "SELECT record, vote, regenerated, escalated, continued, space, vector FROM decision WHERE"
      " (vote IS NOT NULL OR regenerated = 1 OR escalated = 1 OR continued = 1)"
      " AND vector IS NOT NULL ORDER BY number DESC");
  if (!select) return Fail(select.error());
  std::vector<routing::Neighbour> neighbours;
  while (neighbours.size() < routing::Neighbours::kMax) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) break;
    const auto record = RecordAt(*select);
    const auto right = record ? SmallWasRight(*record) : std::nullopt;
    const std::span<const std::byte> bytes = select->Blob(6);
    if (!right || bytes.empty() || bytes.size() > kVectorBytesMax) continue;
    routing::PromptPlace place{.space = static_cast<uint64_t>(select->Int(5))};
    for (const std::byte byte : bytes) place.vector.push_back(static_cast<int8_t>(byte));
    neighbours.push_back({.id = record->id,
                          .place = std::move(place),
                          .predicted = record->facts->predicted.small_right,
                          .right = *right});
  }
  return neighbours;
}

}  // namespace weir::history
