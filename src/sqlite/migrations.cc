#include "sqlite/migrations.h"

#include <fmt/format.h>

namespace weir::sqlite {

Result<int> SchemaVersion(Database& db) {
  const auto version = db.ReadInt("PRAGMA user_version");
  if (!version) return Fail(version.error());
  return static_cast<int>(*version);
}

// A PRAGMA takes no parameters; the number is ours.
Result<void> SetSchemaVersion(Database& db, int version) {
  return db.Run(fmt::format("PRAGMA user_version = {}", version));
}

namespace {

Result<void> Apply(Database& db, const Migration& step, int version) {
  auto transaction = Transaction::Begin(db);
  if (!transaction) return Fail(std::move(transaction.error()));
  // Another process may have applied it while this one waited for the lock.
  const auto current = SchemaVersion(db);
  if (!current) return Fail(current.error());
  if (*current >= version) return {};
  if (auto applied = db.Execute(step.sql); !applied) return applied;
  if (auto set = SetSchemaVersion(db, version); !set) return set;
  return transaction->Commit();
}

}  // namespace

Result<void> Migrate(Database& db, std::span<const Migration> steps) {
  const int last = static_cast<int>(steps.size());
  const auto current = SchemaVersion(db);
  if (!current) return Fail(current.error());
  if (*current > last) {
    return Fail(Code::kConflict,
                fmt::format("the data folder was written by a newer Weir (schema {}, this program "
                            "knows {}); install the newer Weir or use another data folder",
                            *current, last),
                /*param=*/{}, "storage_newer");
  }
  for (int version = *current + 1; version <= last; ++version) {
    if (auto applied = Apply(db, steps[static_cast<size_t>(version) - 1], version); !applied) {
      return applied;
    }
  }
  return {};
}

}  // namespace weir::sqlite
