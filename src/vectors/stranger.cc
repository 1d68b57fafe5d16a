#include "vectors/stranger.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sqlite/database.h"
#include "sqlite/migrations.h"
#include "vectors/row_schema.h"

namespace weir::vectors {
namespace {

// Every table and index, in the words that made it.
Result<std::vector<std::string>> TablesOf(sqlite::Database& db) {
  auto select = db.Prepare(
      "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name");
  if (!select) return Fail(std::move(select.error()));
  std::vector<std::string> tables;
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return tables;
    std::string table;
    for (int column = 0; column < 4; ++column) {
      table += select->Text(column);
      table += '\0';
    }
    tables.push_back(std::move(table));
  }
}

Result<void> CompareTables(const std::filesystem::path& database) {
  auto db = sqlite::Database::Open(database, {.read_only = true, .check = true});
  if (!db) return Fail(std::move(db.error()));
  const auto tables = TablesOf(*db);
  if (!tables) return Fail(tables.error());
  const auto version = sqlite::SchemaVersion(*db, "vectors");
  if (!version) return Fail(version.error());
  const auto known = static_cast<int64_t>(kRowSchema.size());
  if (*version >= 1 && *version <= known) {
    auto ours = sqlite::Database::OpenInMemory();
    if (!ours) return Fail(std::move(ours.error()));
    auto made = sqlite::Migrate(*ours, "vectors",
                                std::span(kRowSchema).first(static_cast<size_t>(*version)));
    if (!made) return made;
    const auto wanted = TablesOf(*ours);
    if (!wanted) return Fail(wanted.error());
    if (*wanted == *tables) return {};
  }
  return Fail(Code::kInvalidArgument,
              *version > known ? "the snapshot was made by a newer version of this program"
                               : "the file is not a snapshot of a collection",
              "snapshot", "invalid_snapshot");
}

}  // namespace

Error StrangersFault(Error error) {
  if (error.reason == "invalid_snapshot" || error.reason == "storage_io" ||
      error.reason == "storage_no_memory" || error.reason == "storage_full") {
    return error;
  }
  return {Code::kInvalidArgument, "the file is not a sound snapshot of a collection", "snapshot",
          "invalid_snapshot"};
}

Result<void> CheckStranger(const std::filesystem::path& database) {
  auto compared = CompareTables(database);
  if (!compared) return Fail(StrangersFault(std::move(compared.error())));
  return {};
}

}  // namespace weir::vectors
