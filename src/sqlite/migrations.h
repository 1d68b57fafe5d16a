// The schema, grown one step at a time. A file's version is the number of steps that it has seen
// (SQLite's user_version); each step runs in a transaction of its own, together with the new
// version, so a crash leaves a file that is at one version or the next. Steps that were released
// never change; new ones go to the end.
#pragma once

#include <span>

#include "base/result.h"
#include "sqlite/database.h"

namespace weir::sqlite {

struct Migration {
  Sql sql;  // one or more statements
};

// Brings `db` to the last step. A file that has seen more steps than this program knows is refused
// (kConflict, "storage_newer") and not touched.
Result<void> Migrate(Database& db, std::span<const Migration> steps);

Result<int> SchemaVersion(Database& db);

}  // namespace weir::sqlite
