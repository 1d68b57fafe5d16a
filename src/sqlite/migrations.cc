#include "sqlite/migrations.h"

#include <fmt/format.h>

namespace weir::sqlite {
namespace {

Result<bool> HasSchemaTable(Database& db) {
  auto select = db.Prepare("SELECT 1 FROM sqlite_schema WHERE name = 'weir_schema'");
  if (!select) return Fail(std::move(select.error()));
  return select->Step();
}

Result<void> SetSchemaVersion(Database& db, std::string_view component, int64_t version) {
  auto upsert = db.Prepare(
      "INSERT INTO weir_schema (component, version) VALUES (?1, ?2) "
      "ON CONFLICT (component) DO UPDATE SET version = excluded.version");
  if (!upsert) return Fail(std::move(upsert.error()));
  upsert->Bind(component, version);
  return upsert->Run();
}

Result<void> Apply(Database& db, std::string_view component, const Migration& step,
                   int64_t version) {
  auto transaction = Transaction::Begin(db);
  if (!transaction) return Fail(std::move(transaction.error()));
  // Another process may have applied it while this one waited for the lock.
  const auto current = SchemaVersion(db, component);
  if (!current) return Fail(current.error());
  if (*current >= version) return {};
  if (auto applied = db.Execute(step.sql); !applied) return applied;
  if (auto set = SetSchemaVersion(db, component, version); !set) return set;
  return transaction->Commit();
}

}  // namespace

Result<int64_t> SchemaVersion(Database& db, std::string_view component) {
  const auto known = HasSchemaTable(db);
  if (!known) return Fail(known.error());
  if (!*known) return 0;
  auto select = db.Prepare("SELECT version FROM weir_schema WHERE component = ?1");
  if (!select) return Fail(std::move(select.error()));
  select->Bind(component);
  const auto row = select->Step();
  if (!row) return Fail(row.error());
  return *row ? select->Int(0) : 0;
}

Result<void> Migrate(Database& db, std::string_view component, std::span<const Migration> steps) {
  const auto last = static_cast<int64_t>(steps.size());
  const auto current = SchemaVersion(db, component);
  if (!current) return Fail(current.error());
  if (*current > last) {
    return Fail(Code::kConflict,
                fmt::format("the data folder was written by a newer Weir ({} schema {}, this "
                            "program knows {}); install the newer Weir or use another data folder",
                            component, *current, last),
                /*param=*/{}, "storage_newer");
  }
  if (*current == last) return {};
  auto table = db.Execute(
      "CREATE TABLE IF NOT EXISTS weir_schema "
      "(component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID");
  if (!table) return table;
  for (int64_t version = *current + 1; version <= last; ++version) {
    auto applied = Apply(db, component, steps[static_cast<size_t>(version) - 1], version);
    if (!applied) return applied;
  }
  return {};
}

}  // namespace weir::sqlite
