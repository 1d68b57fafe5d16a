#include "knowledge/registry.h"

#include <array>
#include <utility>

#include "knowledge/attributes.h"
#include "knowledge/registry_rows.h"
#include "sqlite/migrations.h"

namespace weir::knowledge {
namespace {

constexpr sqlite::Migration kSteps[] = {
    {"CREATE TABLE collection (name TEXT PRIMARY KEY, model TEXT NOT NULL,"
     " dimensions INTEGER NOT NULL) WITHOUT ROWID;"
     "CREATE TABLE document (collection TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,"
     " title TEXT NOT NULL, sha256 TEXT NOT NULL, kind TEXT NOT NULL, bytes INTEGER NOT NULL,"
     " pages INTEGER NOT NULL, chunks INTEGER NOT NULL, status TEXT NOT NULL, label TEXT,"
     " found_label TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,"
     " duplicate_of TEXT NOT NULL, updated INTEGER NOT NULL,"
     " PRIMARY KEY (collection, id)) WITHOUT ROWID;"
     "CREATE UNIQUE INDEX document_name ON document (collection, name);"
     "CREATE INDEX document_content ON document (collection, sha256);"
     "CREATE INDEX document_duplicate ON document (collection, duplicate_of)"
     " WHERE duplicate_of <> '';"},
    // Collections as vector stores, and files that are read in the background.
    {"ALTER TABLE document ADD COLUMN created INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE document ADD COLUMN file_id TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE document ADD COLUMN attributes TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE document ADD COLUMN chunk_tokens INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE document ADD COLUMN chunk_overlap INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE document ADD COLUMN asked TEXT NOT NULL DEFAULT '';"
     "UPDATE document SET created = updated;"
     "CREATE INDEX document_created ON document (collection, created, id);"
     "CREATE INDEX document_file ON document (file_id, collection) WHERE file_id <> '';"
     "CREATE INDEX document_waiting ON document (created, id)"
     " WHERE status = 'reading' AND file_id <> '';"
     "CREATE TABLE store (collection TEXT PRIMARY KEY, name TEXT NOT NULL,"
     " description TEXT NOT NULL, metadata TEXT NOT NULL, created INTEGER NOT NULL,"
     " active INTEGER NOT NULL, expires_days INTEGER NOT NULL) WITHOUT ROWID;"
     "CREATE TABLE batch (collection TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,"
     " cancelled INTEGER NOT NULL, PRIMARY KEY (collection, id)) WITHOUT ROWID;"
     "CREATE TABLE batch_file (collection TEXT NOT NULL, batch TEXT NOT NULL,"
     " document TEXT NOT NULL, PRIMARY KEY (collection, batch, document)) WITHOUT ROWID;"},
    // Collections that are being embedded by another model.
    {"CREATE TABLE model_change (collection TEXT PRIMARY KEY, model TEXT NOT NULL,"
     " asked TEXT NOT NULL, problem TEXT NOT NULL) WITHOUT ROWID;"},
};

constexpr std::array<std::string_view, 5> kStatusNames = {"reading", "ready", "failed", "duplicate",
                                                          "cancelled"};

ModelChange ChangeRow(const sqlite::Statement& row) {
  return {.collection = std::string(row.Text(0)),
          .model = std::string(row.Text(1)),
          .asked = std::string(row.Text(2)),
          .problem = std::string(row.Text(3))};
}

}  // namespace

std::string_view StatusName(DocumentStatus status) {
  return kStatusNames[static_cast<size_t>(status)];
}

Result<Registry> Registry::Open(const std::filesystem::path& file) {
  auto db = sqlite::Database::Open(file);
  if (!db) return Fail(db.error());
  return SetUp(std::move(*db));
}

Result<Registry> Registry::OpenInMemory() {
  auto db = sqlite::Database::OpenInMemory();
  if (!db) return Fail(db.error());
  return SetUp(std::move(*db));
}

Result<Registry> Registry::SetUp(sqlite::Database db) {
  if (auto migrated = sqlite::Migrate(db, "knowledge", kSteps); !migrated)
    return Fail(migrated.error());
  return Registry(std::move(db));
}

Result<void> Registry::Put(const DocumentInfo& d) {
  std::optional<std::string_view> label;
  if (d.label) label = chat::LabelName(*d.label);
  return sqlite::Run(
      db_,
      "INSERT OR REPLACE INTO document (" WEIR_COLUMNS
      ") VALUES"
      " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
      " ?19, ?20, ?21, ?22)",
      d.collection, d.id, d.name, d.title, d.sha256, d.kind, d.bytes, d.pages, d.chunks,
      StatusName(d.status), label, chat::LabelName(d.found_label), d.reason, d.message,
      d.duplicate_of, d.updated_s, d.created_s, d.file_id, AttributesText(d.attributes),
      d.chunking.tokens, d.chunking.overlap, d.asked);
}

Result<void> Registry::Remove(std::string_view collection, std::string_view id) {
  return sqlite::Run(db_, "DELETE FROM document WHERE collection = ?1 AND id = ?2", collection, id);
}

Result<std::optional<DocumentInfo>> Registry::Find(std::string_view collection,
                                                   std::string_view id) {
  return sqlite::FirstOf(db_,
                         "SELECT " WEIR_COLUMNS " FROM document WHERE collection = ?1 AND id = ?2",
                         DocumentRow, collection, id);
}

Result<std::optional<DocumentInfo>> Registry::FindContent(std::string_view collection,
                                                          std::string_view sha256,
                                                          std::string_view not_id) {
  return sqlite::FirstOf(db_,
                         "SELECT " WEIR_COLUMNS
                         " FROM document WHERE collection = ?1 AND"
                         " sha256 = ?2 AND id <> ?3 AND status = 'ready' AND file_id = '' LIMIT 1",
                         DocumentRow, collection, sha256, not_id);
}

Result<std::vector<DocumentInfo>> Registry::DuplicatesOf(std::string_view collection,
                                                         std::string_view name) {
  return sqlite::RowsOf(db_,
                        "SELECT " WEIR_COLUMNS
                        " FROM document WHERE collection = ?1 AND"
                        " duplicate_of = ?2 AND duplicate_of <> '' ORDER BY name",
                        DocumentRow, collection, name);
}

Result<std::vector<DocumentInfo>> Registry::List(std::string_view collection,
                                                 std::string_view after, size_t limit) {
  return sqlite::RowsOf(db_,
                        "SELECT " WEIR_COLUMNS
                        " FROM document WHERE collection = ?1 AND name > ?2"
                        " ORDER BY name LIMIT ?3",
                        DocumentRow, collection, after, static_cast<int64_t>(limit));
}

Result<void> Registry::PutCollection(const CollectionInfo& collection) {
  return sqlite::Run(
      db_, "INSERT OR REPLACE INTO collection (name, model, dimensions) VALUES (?1, ?2, ?3)",
      collection.name, collection.model, collection.dimensions);
}

Result<std::optional<CollectionInfo>> Registry::FindCollection(std::string_view name) {
  return sqlite::FirstOf(
      db_,
      "SELECT c.name, c.model, c.dimensions, count(d.id), coalesce(sum(d.chunks), 0),"
      " coalesce(sum(d.bytes), 0) FROM collection c LEFT JOIN document d ON d.collection = c.name"
      " WHERE c.name = ?1 GROUP BY c.name",
      [](const sqlite::Statement& row) {
        return CollectionInfo{.name = std::string(row.Text(0)),
                              .model = std::string(row.Text(1)),
                              .dimensions = row.Int(2),
                              .documents = row.Int(3),
                              .chunks = row.Int(4),
                              .bytes = row.Int(5)};
      },
      name);
}

Result<void> Registry::RemoveCollection(std::string_view name) {
  auto transaction = sqlite::Transaction::Begin(db_);
  if (!transaction) return Fail(transaction.error());
  for (const sqlite::Sql sql : {sqlite::Sql("DELETE FROM document WHERE collection = ?1"),
                                sqlite::Sql("DELETE FROM collection WHERE name = ?1"),
                                sqlite::Sql("DELETE FROM model_change WHERE collection = ?1"),
                                sqlite::Sql("DELETE FROM store WHERE collection = ?1"),
                                sqlite::Sql("DELETE FROM batch WHERE collection = ?1"),
                                sqlite::Sql("DELETE FROM batch_file WHERE collection = ?1")}) {
    if (auto run = sqlite::Run(db_, sql, name); !run) return run;
  }
  return transaction->Commit();
}

Result<void> Registry::PutChange(const ModelChange& change) {
  return sqlite::Run(db_,
                     "INSERT OR REPLACE INTO model_change (collection, model, asked, problem)"
                     " VALUES (?1, ?2, ?3, ?4)",
                     change.collection, change.model, change.asked, change.problem);
}

Result<std::optional<ModelChange>> Registry::FindChange(std::string_view collection) {
  return sqlite::FirstOf(
      db_, "SELECT collection, model, asked, problem FROM model_change WHERE collection = ?1",
      ChangeRow, collection);
}

Result<std::vector<ModelChange>> Registry::Changes() {
  return sqlite::RowsOf(
      db_, "SELECT collection, model, asked, problem FROM model_change ORDER BY collection",
      ChangeRow);
}

Result<void> Registry::RemoveChange(std::string_view collection) {
  return sqlite::Run(db_, "DELETE FROM model_change WHERE collection = ?1", collection);
}

}  // namespace weir::knowledge
