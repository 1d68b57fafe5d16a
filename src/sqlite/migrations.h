// The schema, grown one step at a time. Several folders keep their tables in one file, so each has
// a component name and a list of steps of its own; the table weir_schema holds how many steps each
// component has seen. A step runs in a transaction of its own, together with the new version, so a
// crash leaves a file that is at one version or the next. Steps that were released never change;
// new ones go to the end.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "sqlite/database.h"

namespace weir::sqlite {

struct Migration {
  Sql sql;  // one or more statements
};

// Brings `component` to the last step. A file that has seen more steps than this program knows is
// refused (kConflict, "storage_newer") and not touched.
Result<void> Migrate(Database& db, std::string_view component, std::span<const Migration> steps);

// How many steps `component` has seen; 0 for one that the file does not know.
Result<int64_t> SchemaVersion(Database& db, std::string_view component);

}  // namespace weir::sqlite
