#include "knowledge/registry.h"

#include <array>
#include <utility>

#include "base/check.h"
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
};

constexpr std::array<std::string_view, 4> kStatusNames = {"reading", "ready", "failed",
                                                          "duplicate"};
constexpr std::array<std::string_view, 5> kLabelNames = {"public", "internal", "personal", "secret",
                                                         "unscanned"};

template <class E, size_t kCount>
E FromName(const std::array<std::string_view, kCount>& names, std::string_view name, E otherwise) {
  for (size_t i = 0; i < kCount; ++i) {
    if (names[i] == name) return static_cast<E>(i);
  }
  return otherwise;
}

// Whatever a label cannot be read as counts as the highest.
chat::Label LabelOf(std::string_view name) {
  return FromName(kLabelNames, name, chat::Label::kUnscanned);
}

// The order of kColumns.
DocumentInfo RowOf(const sqlite::Statement& row) {
  DocumentInfo document{.id = std::string(row.Text(1)),
                        .collection = std::string(row.Text(0)),
                        .name = std::string(row.Text(2)),
                        .title = std::string(row.Text(3)),
                        .sha256 = std::string(row.Text(4)),
                        .kind = std::string(row.Text(5)),
                        .bytes = row.Int(6),
                        .pages = row.Int(7),
                        .chunks = row.Int(8)};
  document.status = FromName(kStatusNames, row.Text(9), DocumentStatus::kReading);
  if (!row.IsNull(10)) document.label = LabelOf(row.Text(10));
  document.found_label = LabelOf(row.Text(11));
  document.reason = row.Text(12);
  document.message = row.Text(13);
  document.duplicate_of = row.Text(14);
  document.updated_s = row.Int(15);
  return document;
}

#define WEIR_COLUMNS                                                                \
  "collection, id, name, title, sha256, kind, bytes, pages, chunks, status, label," \
  " found_label, reason, message, duplicate_of, updated"

template <class... Values>
Result<std::vector<DocumentInfo>> RowsOf(sqlite::Database& db, sqlite::Sql sql,
                                         const Values&... values) {
  auto select = db.Prepare(sql);
  if (!select) return Fail(select.error());
  select->Bind(values...);
  std::vector<DocumentInfo> rows;
  for (;;) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return rows;
    rows.push_back(RowOf(*select));
  }
}

Result<std::optional<DocumentInfo>> First(Result<std::vector<DocumentInfo>> rows) {
  if (!rows) return Fail(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

template <class... Values>
Result<void> Run(sqlite::Database& db, sqlite::Sql sql, const Values&... values) {
  auto statement = db.Prepare(sql);
  if (!statement) return Fail(statement.error());
  statement->Bind(values...);
  return statement->Run();
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
  return Run(db_,
             "INSERT OR REPLACE INTO document (" WEIR_COLUMNS
             ") VALUES"
             " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
             d.collection, d.id, d.name, d.title, d.sha256, d.kind, d.bytes, d.pages, d.chunks,
             StatusName(d.status), label, chat::LabelName(d.found_label), d.reason, d.message,
             d.duplicate_of, d.updated_s);
}

Result<void> Registry::Remove(std::string_view collection, std::string_view id) {
  return Run(db_, "DELETE FROM document WHERE collection = ?1 AND id = ?2", collection, id);
}

Result<std::optional<DocumentInfo>> Registry::Find(std::string_view collection,
                                                   std::string_view id) {
  return First(RowsOf(db_,
                      "SELECT " WEIR_COLUMNS " FROM document WHERE collection = ?1 AND id = ?2",
                      collection, id));
}

Result<std::optional<DocumentInfo>> Registry::FindContent(std::string_view collection,
                                                          std::string_view sha256,
                                                          std::string_view not_id) {
  return First(RowsOf(db_,
                      "SELECT " WEIR_COLUMNS " FROM document WHERE collection = ?1 AND"
                      " sha256 = ?2 AND id <> ?3 AND status = 'ready' LIMIT 1",
                      collection, sha256, not_id));
}

Result<std::vector<DocumentInfo>> Registry::DuplicatesOf(std::string_view collection,
                                                         std::string_view name) {
  return RowsOf(db_,
                "SELECT " WEIR_COLUMNS
                " FROM document WHERE collection = ?1 AND"
                " duplicate_of = ?2 AND duplicate_of <> '' ORDER BY name",
                collection, name);
}

Result<std::vector<DocumentInfo>> Registry::List(std::string_view collection,
                                                 std::string_view after, size_t limit) {
  return RowsOf(db_,
                "SELECT " WEIR_COLUMNS
                " FROM document WHERE collection = ?1 AND name > ?2"
                " ORDER BY name LIMIT ?3",
                collection, after, static_cast<int64_t>(limit));
}

Result<void> Registry::PutCollection(const CollectionInfo& collection) {
  return Run(db_, "INSERT OR REPLACE INTO collection (name, model, dimensions) VALUES (?1, ?2, ?3)",
             collection.name, collection.model, collection.dimensions);
}

Result<std::optional<CollectionInfo>> Registry::FindCollection(std::string_view name) {
  auto select = db_.Prepare(
      "SELECT c.name, c.model, c.dimensions, count(d.id), coalesce(sum(d.chunks), 0),"
      " coalesce(sum(d.bytes), 0) FROM collection c LEFT JOIN document d ON d.collection = c.name"
      " WHERE c.name = ?1 GROUP BY c.name");
  if (!select) return Fail(select.error());
  select->Bind(name);
  auto row = select->Step();
  if (!row) return Fail(row.error());
  if (!*row) return std::nullopt;
  return CollectionInfo{.name = std::string(select->Text(0)),
                        .model = std::string(select->Text(1)),
                        .dimensions = select->Int(2),
                        .documents = select->Int(3),
                        .chunks = select->Int(4),
                        .bytes = select->Int(5)};
}

Result<void> Registry::RemoveCollection(std::string_view name) {
  auto transaction = sqlite::Transaction::Begin(db_);
  if (!transaction) return Fail(transaction.error());
  if (auto run = Run(db_, "DELETE FROM document WHERE collection = ?1", name); !run) return run;
  if (auto run = Run(db_, "DELETE FROM collection WHERE name = ?1", name); !run) return run;
  return transaction->Commit();
}

}  // namespace weir::knowledge
