#include "ledger/journal.h"

#include <algorithm>
#include <utility>

#include "sqlite/migrations.h"

namespace weir::ledger {
namespace {

// Amounts are in pico. Times are microseconds since 1970.
constexpr sqlite::Migration kSteps[] = {
    {"CREATE TABLE price ("
     "  id INTEGER PRIMARY KEY,"
     "  target TEXT NOT NULL,"
     "  version TEXT NOT NULL,"
     "  currency TEXT NOT NULL,"
     "  input INTEGER,"  // of one token; NULL: not known
     "  cached_input INTEGER,"
     "  output INTEGER,"
     "  source TEXT NOT NULL,"
     "  first_used INTEGER NOT NULL,"
     "  UNIQUE (target, version)"
     ") STRICT;"
     "CREATE TABLE entry ("
     "  id INTEGER PRIMARY KEY,"
     "  decision TEXT NOT NULL,"
     "  attempt INTEGER NOT NULL,"
     "  time INTEGER NOT NULL,"
     "  key TEXT NOT NULL,"
     "  key_name TEXT NOT NULL,"
     "  tenant TEXT NOT NULL,"
     "  project TEXT NOT NULL,"
     "  user TEXT NOT NULL,"
     "  asked TEXT NOT NULL,"
     "  target TEXT NOT NULL,"
     "  model TEXT NOT NULL,"
     "  tier TEXT NOT NULL,"
     "  task TEXT NOT NULL,"
     "  label TEXT NOT NULL,"
     "  status INTEGER NOT NULL,"  // 0 served, 1 cancelled, 2 failed
     "  reason TEXT NOT NULL,"
     "  prompt_tokens INTEGER,"  // NULL: nobody knows
     "  cached_tokens INTEGER,"
     "  completion_tokens INTEGER,"
     "  reasoning_tokens INTEGER,"
     "  counted_by INTEGER NOT NULL,"  // 0 nobody, 1 the target, 2 our estimate
     "  own_prompt INTEGER,"
     "  own_completion INTEGER,"
     "  price INTEGER REFERENCES price (id),"
     "  currency TEXT NOT NULL,"  // '' without a price
     "  cost INTEGER,"            // NULL: unpriced
     "  reserved INTEGER NOT NULL,"
     "  took_us INTEGER NOT NULL,"
     "  energy_mj INTEGER,"  // NULL: not known
     "  local INTEGER NOT NULL,"
     "  strong_price INTEGER REFERENCES price (id),"
     "  strong_cost INTEGER,"
     "  cheapest_price INTEGER REFERENCES price (id),"
     "  cheapest_cost INTEGER,"
     "  UNIQUE (decision, attempt)"
     ") STRICT;"
     "CREATE INDEX entry_time ON entry (time);"
     "CREATE TABLE gap ("
     "  id INTEGER PRIMARY KEY,"
     "  from_time INTEGER NOT NULL,"
     "  until_time INTEGER NOT NULL,"
     "  entries INTEGER NOT NULL,"
     "  currency TEXT NOT NULL,"  // '' and no cost: the entries' own line
     "  cost INTEGER NOT NULL"
     ") STRICT;"
     "CREATE TABLE purse ("
     "  budget TEXT NOT NULL,"
     "  window TEXT NOT NULL,"
     "  period INTEGER NOT NULL,"
     "  spent INTEGER NOT NULL,"
     "  held INTEGER NOT NULL,"
     "  leased INTEGER NOT NULL,"
     "  PRIMARY KEY (budget, window, period)"
     ") STRICT, WITHOUT ROWID"},
    {"ALTER TABLE price ADD COLUMN per_minute INTEGER;"  // of sound; NULL: not known
     "ALTER TABLE entry ADD COLUMN sound_s INTEGER"},    // seconds that were heard; NULL: not told
};

int64_t Microseconds(WallTime time) { return time.time_since_epoch().count(); }

}  // namespace

std::string_view StatusName(Status status) {
  switch (status) {
    case Status::kServed:
      return "served";
    case Status::kCancelled:
      return "cancelled";
    case Status::kFailed:
      return "failed";
  }
  return "failed";
}

// Prepared once for each batch.
struct Journal::Statements {
  sqlite::Statement entry;
  sqlite::Statement gap;
  sqlite::Statement charge;
  sqlite::Statement read;
  sqlite::Statement lease;
  sqlite::Statement release;
  sqlite::Statement price;
  sqlite::Statement price_id;
};

namespace {

Result<sqlite::Statement> PrepareEntry(sqlite::Database& db) {
  return db.Prepare(
      "INSERT INTO entry (decision, attempt, time, key, key_name, tenant, project, user, asked, "
      "target, model, tier, task, label, status, reason, prompt_tokens, cached_tokens, "
      "completion_tokens, reasoning_tokens, counted_by, own_prompt, own_completion, price, "
      "currency, cost, reserved, took_us, energy_mj, local, strong_price, strong_cost, "
      "cheapest_price, cheapest_cost, sound_s) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
      "?11, ?12, "
      "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, "
      "?31, ?32, ?33, ?34, ?35) ON CONFLICT (decision, attempt) DO NOTHING");
}

}  // namespace

Result<Journal> Journal::Open(sqlite::Database& db) {
  if (auto migrated = sqlite::Migrate(db, "ledger", kSteps); !migrated) {
    return Fail(migrated.error());
  }
  auto held = db.Execute("UPDATE purse SET held = held + leased, leased = 0 WHERE leased > 0");
  if (!held) return Fail(held.error());
  return Journal(db);
}

Result<void> Journal::Close() {
  return db_.Execute("UPDATE purse SET leased = 0 WHERE leased > 0");
}

Result<std::vector<Lease>> Journal::Apply(std::span<const Command> commands) {
  auto transaction = sqlite::Transaction::Begin(db_);
  if (!transaction) return Fail(transaction.error());
  auto entry = PrepareEntry(db_);
  auto gap = db_.Prepare(
      "INSERT INTO gap (from_time, until_time, entries, currency, cost) VALUES (?1, ?2, ?3, ?4, "
      "?5)");
  auto charge = db_.Prepare(
      "INSERT INTO purse (budget, window, period, spent, held, leased) VALUES (?1, ?2, ?3, ?4, 0, "
      "0) ON CONFLICT (budget, window, period) DO UPDATE SET "
      "spent = min(spent, 9223372036854775807 - ?4) + ?4, leased = max(0, leased - ?4)");
  auto read = db_.Prepare(
      "SELECT spent, held, leased FROM purse WHERE budget = ?1 AND window = ?2 AND period = ?3");
  auto lease = db_.Prepare(
      "INSERT INTO purse (budget, window, period, spent, held, leased) VALUES (?1, ?2, ?3, 0, 0, "
      "?4) ON CONFLICT (budget, window, period) DO UPDATE SET leased = ?4");
  auto release =
      db_.Prepare("UPDATE purse SET held = 0 WHERE budget = ?1 AND window = ?2 AND period = ?3");
  auto price = db_.Prepare(
      "INSERT INTO price (target, version, currency, input, cached_input, output, source, "
      "first_used, per_minute) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (target, "
      "version) DO "
      "NOTHING");
  auto price_id = db_.Prepare("SELECT id FROM price WHERE target = ?1 AND version = ?2");
  for (const auto* prepared : {&entry, &gap, &charge, &read, &lease, &release, &price, &price_id}) {
    if (!*prepared) return Fail(prepared->error());
  }
  Statements statements{std::move(*entry), std::move(*gap),     std::move(*charge),
                        std::move(*read),  std::move(*lease),   std::move(*release),
                        std::move(*price), std::move(*price_id)};
  std::vector<Lease> leases;
  for (const Command& command : commands) {
    Result<void> done;
    if (const auto* wish = std::get_if<LeaseWish>(&command)) {
      auto made = Put(statements, *wish);
      if (!made) return Fail(made.error());
      leases.push_back(std::move(*made));
    } else if (const auto* line = std::get_if<Entry>(&command)) {
      done = Put(statements, *line);
    } else if (const auto* missing = std::get_if<Gap>(&command)) {
      done = Put(statements, *missing);
    } else if (const auto* freed = std::get_if<Release>(&command)) {
      const PurseId& purse = freed->purse;
      statements.release.Bind(purse.budget, WindowName(purse.window), purse.period);
      done = statements.release.Run();
    }
    if (!done) {
      price_ids_.clear();  // some may be of rows that are rolled back
      return Fail(done.error());
    }
  }
  if (auto committed = transaction->Commit(); !committed) {
    price_ids_.clear();
    return Fail(committed.error());
  }
  return leases;
}

Result<void> Journal::Put(Statements& statements, const Entry& entry) {
  const auto price = PriceId(statements, entry.price.get(), entry.time);
  if (!price) return Fail(price.error());
  const auto strong = PriceId(statements, entry.strong.price.get(), entry.time);
  if (!strong) return Fail(strong.error());
  const auto cheapest = PriceId(statements, entry.cheapest.price.get(), entry.time);
  if (!cheapest) return Fail(cheapest.error());
  const auto cost_of = [](const Baseline& baseline) {
    return baseline.price ? std::optional(baseline.cost) : std::nullopt;
  };
  statements.entry.Bind(
      entry.decision, int64_t{entry.attempt}, Microseconds(entry.time), entry.key, entry.key_name,
      entry.tenant, entry.project, entry.user, entry.asked, entry.target, entry.model, entry.tier,
      entry.task, entry.label, static_cast<int>(entry.status), entry.reason,
      entry.usage.prompt_tokens, entry.usage.cached_tokens, entry.usage.completion_tokens,
      entry.usage.reasoning_tokens, static_cast<int>(entry.counted_by), entry.own.prompt_tokens,
      entry.own.completion_tokens, *price, entry.price ? entry.price->currency : std::string(),
      entry.cost, entry.reserved, entry.took_us, entry.energy_mj, entry.local, *strong,
      cost_of(entry.strong), *cheapest, cost_of(entry.cheapest), entry.usage.sound_s);
  if (auto run = statements.entry.Run(); !run) return run;
  if (db_.Changes() == 0) return {};  // it is there, and so are its charges
  for (const Charge& charge : entry.charges) {
    if (auto taken = Take(statements, charge); !taken) return taken;
  }
  return {};
}

Result<void> Journal::Put(Statements& statements, const Gap& gap) {
  const auto line = [&](int64_t entries, const std::string& currency, Pico cost) {
    statements.gap.Bind(Microseconds(gap.from), Microseconds(gap.until), entries, currency, cost);
    return statements.gap.Run();
  };
  if (auto run = line(gap.entries, "", 0); !run) return run;
  for (const auto& [currency, cost] : gap.cost) {
    if (auto run = line(0, currency, cost); !run) return run;
  }
  for (const Charge& charge : gap.charges) {
    if (auto taken = Take(statements, charge); !taken) return taken;
  }
  return {};
}

Result<void> Journal::Take(Statements& statements, const Charge& charge) {
  const PurseId& purse = charge.purse;
  statements.charge.Bind(purse.budget, WindowName(purse.window), purse.period, charge.amount);
  return statements.charge.Run();
}

Result<PurseRow> Journal::ReadRow(sqlite::Statement& select, const PurseId& purse) {
  select.Bind(purse.budget, WindowName(purse.window), purse.period);
  const auto found = select.Step();
  if (!found) return Fail(found.error());
  if (!*found) return PurseRow{};
  PurseRow row{select.Int(0), select.Int(1), select.Int(2)};
  select.Reset();
  return row;
}

Result<PurseRow> Journal::Read(const PurseId& purse) {
  auto select = db_.Prepare(
      "SELECT spent, held, leased FROM purse WHERE budget = ?1 AND window = ?2 AND period = ?3");
  if (!select) return Fail(select.error());
  return ReadRow(*select, purse);
}

Result<Lease> Journal::Put(Statements& statements, const LeaseWish& wish) {
  const auto row = ReadRow(statements.read, wish.purse);
  if (!row) return Fail(row.error());
  const Pico gone = Add(row->spent, row->held);
  const Pico wanted = wish.open ? std::min(wish.limit, Add(gone, wish.more)) : wish.ceiling;
  Lease lease{.purse = wish.purse, .ceiling = std::max(wanted, gone)};
  if (wish.open) lease.row = *row;
  const Pico leased = lease.ceiling - gone;
  if (leased != row->leased) {
    statements.lease.Bind(wish.purse.budget, WindowName(wish.purse.window), wish.purse.period,
                          leased);
    if (auto run = statements.lease.Run(); !run) return Fail(run.error());
  }
  return lease;
}

Result<std::optional<int64_t>> Journal::PriceId(Statements& statements, const Price* price,
                                                WallTime now) {
  if (price == nullptr) return std::optional<int64_t>();
  const auto known = price_ids_.find({price->target, price->version});
  if (known != price_ids_.end()) return std::optional(known->second);
  statements.price.Bind(price->target, price->version, price->currency, price->input,
                        price->cached_input, price->output, price->source, Microseconds(now),
                        price->per_minute);
  if (auto run = statements.price.Run(); !run) return Fail(run.error());
  statements.price_id.Bind(price->target, price->version);
  const auto row = statements.price_id.Step();
  if (!row) return Fail(row.error());
  const int64_t id = *row ? statements.price_id.Int(0) : 0;
  statements.price_id.Reset();
  if (price_ids_.size() >= 10'000) price_ids_.clear();
  price_ids_[{price->target, price->version}] = id;
  return std::optional(id);
}

}  // namespace weir::ledger
