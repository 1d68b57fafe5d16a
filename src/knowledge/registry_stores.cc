#include <algorithm>
#include <map>
#include <utility>

#include "knowledge/registry.h"
#include "knowledge/registry_rows.h"

namespace weir::knowledge {
namespace {

constexpr size_t kStoresMax = 100'000;
constexpr int64_t kTouchEveryS = 60;

// Behind every text that begins with `prefix`.
std::string EndOf(std::string_view prefix) { return std::string(prefix) + "\xF4\x8F\xBF\xBF"; }

#define WEIR_STORE_COLUMNS "collection, name, description, metadata, created, active, expires_days"

StoreInfo StoreRow(const sqlite::Statement& row) {
  return {.collection = std::string(row.Text(0)),
          .name = std::string(row.Text(1)),
          .description = std::string(row.Text(2)),
          .metadata_json = std::string(row.Text(3)),
          .created_s = row.Int(4),
          .active_s = row.Int(5),
          .expires_days = row.Int(6),
          .made_here = true};
}

std::string_view StatusWord(const FilesQuery& query) {
  return query.status ? StatusName(*query.status) : std::string_view();
}

}  // namespace

void FileCounts::Add(DocumentStatus status, int64_t count) {
  switch (status) {
    case DocumentStatus::kReading:
      reading += count;
      break;
    case DocumentStatus::kReady:
    case DocumentStatus::kDuplicate:
      ready += count;
      break;
    case DocumentStatus::kFailed:
      failed += count;
      break;
    case DocumentStatus::kCancelled:
      cancelled += count;
      break;
  }
}

Result<void> Registry::PutStore(const StoreInfo& s) {
  return sqlite::Run(db_,
                     "INSERT OR REPLACE INTO store (" WEIR_STORE_COLUMNS
                     ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                     s.collection, s.name, s.description, s.metadata_json, s.created_s, s.active_s,
                     s.expires_days);
}

Result<std::optional<StoreInfo>> Registry::FindStore(std::string_view collection) {
  return sqlite::FirstOf(db_, "SELECT " WEIR_STORE_COLUMNS " FROM store WHERE collection = ?1",
                         StoreRow, collection);
}

Result<std::vector<StoreInfo>> Registry::Stores(std::string_view prefix) {
  return StoresBetween(prefix, EndOf(prefix));
}

Result<StoreInfo> Registry::OneStore(std::string_view collection) {
  // No name holds a control character.
  auto stores = StoresBetween(collection, std::string(collection) + "\x01");
  if (!stores) return Fail(stores.error());
  if (stores->empty()) return StoreInfo{.collection = std::string(collection)};
  return std::move(stores->front());
}

Result<std::vector<StoreInfo>> Registry::StoresBetween(std::string_view first,
                                                       std::string_view behind) {
  std::map<std::string, StoreInfo> stores;
  auto read = sqlite::EachRow(
      db_,
      "SELECT " WEIR_STORE_COLUMNS
      " FROM store WHERE collection >= ?1 AND collection < ?2 ORDER BY collection LIMIT ?3",
      [&](const sqlite::Statement& row) {
        StoreInfo store = StoreRow(row);
        stores.insert_or_assign(store.collection, std::move(store));
      },
      first, behind, static_cast<int64_t>(kStoresMax));
  if (!read) return Fail(read.error());
  // A file's vectors count with it; what cannot be found takes no room.
  read = sqlite::EachRow(
      db_,
      "SELECT d.collection, d.status, count(*), sum(d.bytes), sum(d.chunks), min(d.created),"
      " max(d.updated), coalesce(c.dimensions, 0) FROM document d LEFT JOIN collection c"
      " ON c.name = d.collection WHERE d.collection >= ?1 AND d.collection < ?2"
      " GROUP BY d.collection, d.status",
      [&](const sqlite::Statement& row) {
        const std::string collection(row.Text(0));
        StoreInfo& store = stores[collection];
        const DocumentStatus status = StatusFromName(row.Text(1));
        store.files.Add(status, row.Int(2));
        store.dimensions = row.Int(7);
        if (status == DocumentStatus::kReady)
          store.bytes += row.Int(3) + row.Int(4) * row.Int(7) * int64_t{sizeof(float)};
        if (store.made_here) return;
        const int64_t created = row.Int(5);
        store.created_s = store.collection.empty() ? created : std::min(store.created_s, created);
        store.active_s = std::max(store.active_s, row.Int(6));
        store.collection = collection;
      },
      first, behind);
  if (!read) return Fail(read.error());
  std::vector<StoreInfo> out;
  for (auto& [collection, store] : stores) out.push_back(std::move(store));
  return out;
}

Result<std::vector<std::string>> Registry::ExpiredStores(int64_t now_s) {
  return sqlite::RowsOf(
      db_,
      "SELECT s.collection FROM store s WHERE s.expires_days > 0 AND"
      " s.active + s.expires_days * 86400 <= ?1 AND EXISTS"
      " (SELECT 1 FROM document d WHERE d.collection = s.collection)",
      [](const sqlite::Statement& row) { return std::string(row.Text(0)); }, now_s);
}

Result<void> Registry::Touch(std::string_view collection, int64_t now_s) {
  return sqlite::Run(db_, "UPDATE store SET active = ?2 WHERE collection = ?1 AND active < ?3",
                     collection, now_s, now_s - kTouchEveryS);
}

Result<void> Registry::PutAll(std::span<const DocumentInfo> documents, const BatchInfo* batch) {
  auto transaction = sqlite::Transaction::Begin(db_);
  if (!transaction) return Fail(transaction.error());
  if (batch != nullptr) {
    auto put = sqlite::Run(
        db_, "INSERT INTO batch (collection, id, created, cancelled) VALUES (?1, ?2, ?3, 0)",
        batch->collection, batch->id, batch->created_s);
    if (!put) return put;
  }
  for (const DocumentInfo& document : documents) {
    if (auto put = Put(document); !put) return put;
    if (batch == nullptr) continue;
    auto put = sqlite::Run(db_,
                           "INSERT OR REPLACE INTO batch_file (collection, batch, document)"
                           " VALUES (?1, ?2, ?3)",
                           batch->collection, batch->id, document.id);
    if (!put) return put;
  }
  return transaction->Commit();
}

Result<void> Registry::CancelBatch(std::string_view collection, std::string_view id) {
  auto transaction = sqlite::Transaction::Begin(db_);
  if (!transaction) return Fail(transaction.error());
  auto run = sqlite::Run(db_, "UPDATE batch SET cancelled = 1 WHERE collection = ?1 AND id = ?2",
                         collection, id);
  if (!run) return run;
  run = sqlite::Run(db_,
                    "UPDATE document SET status = 'cancelled', chunks = 0 WHERE collection = ?1 AND"
                    " status = 'reading' AND id IN (SELECT document FROM batch_file WHERE"
                    " collection = ?1 AND batch = ?2)",
                    collection, id);
  if (!run) return run;
  return transaction->Commit();
}

Result<std::optional<BatchInfo>> Registry::FindBatch(std::string_view collection,
                                                     std::string_view id) {
  auto batch = sqlite::FirstOf(
      db_, "SELECT created, cancelled FROM batch WHERE collection = ?1 AND id = ?2",
      [&](const sqlite::Statement& row) {
        return BatchInfo{.id = std::string(id),
                         .collection = std::string(collection),
                         .created_s = row.Int(0),
                         .cancelled = row.Int(1) != 0};
      },
      collection, id);
  if (!batch || !*batch) return batch;
  auto read = sqlite::EachRow(
      db_,
      "SELECT d.status, count(*) FROM batch_file b JOIN document d ON d.collection = b.collection"
      " AND d.id = b.document WHERE b.collection = ?1 AND b.batch = ?2 GROUP BY d.status",
      [&](const sqlite::Statement& row) {
        (*batch)->files.Add(StatusFromName(row.Text(0)), row.Int(1));
      },
      collection, id);
  if (!read) return Fail(read.error());
  return batch;
}

Result<std::optional<DocumentInfo>> Registry::FindFile(std::string_view collection,
                                                       std::string_view file_id) {
  return sqlite::FirstOf(db_,
                         "SELECT " WEIR_COLUMNS
                         " FROM document WHERE file_id = ?2 AND file_id <> '' AND collection = ?1",
                         DocumentRow, collection, file_id);
}

Result<bool> Registry::HasName(std::string_view collection, std::string_view name) {
  const auto found = sqlite::FirstOf(
      db_, "SELECT 1 FROM document WHERE collection = ?1 AND name = ?2",
      [](const sqlite::Statement& row) { return row.Int(0); }, collection, name);
  if (!found) return Fail(found.error());
  return found->has_value();
}

Result<int64_t> Registry::CountOf(std::string_view collection) {
  const auto count = sqlite::FirstOf(
      db_, "SELECT count(*) FROM document WHERE collection = ?1",
      [](const sqlite::Statement& row) { return row.Int(0); }, collection);
  if (!count) return Fail(count.error());
  return count->value_or(0);
}

Result<std::vector<DocumentInfo>> Registry::Files(std::string_view collection,
                                                  const FilesQuery& query,
                                                  const DocumentInfo* edge) {
  // Backwards from an edge is forwards in the other order, turned round.
  const bool before = !query.before.empty();
  const bool up = query.oldest_first != before;
  const int64_t created = edge != nullptr ? edge->created_s : (up ? -1 : INT64_MAX);
  const std::string id = edge != nullptr ? edge->id : "";
  const auto limit = static_cast<int64_t>(query.limit);
#define WEIR_CHOSEN                                                          \
  " FROM document WHERE collection = ?1 AND"                                 \
  " (?2 = '' OR status = ?2 OR (?2 = 'ready' AND status = 'duplicate')) AND" \
  " (?3 = '' OR id IN (SELECT document FROM batch_file WHERE collection = ?1 AND batch = ?3))"
  auto rows = up ? sqlite::RowsOf(db_,
                                  "SELECT " WEIR_COLUMNS WEIR_CHOSEN
                                  " AND (created, id) > (?4, ?5) ORDER BY created, id LIMIT ?6",
                                  DocumentRow, collection, StatusWord(query), query.batch, created,
                                  id, limit)
                 : sqlite::RowsOf(
                       db_,
                       "SELECT " WEIR_COLUMNS WEIR_CHOSEN
                       " AND (created, id) < (?4, ?5) ORDER BY created DESC, id DESC LIMIT ?6",
                       DocumentRow, collection, StatusWord(query), query.batch, created, id, limit);
#undef WEIR_CHOSEN
  if (rows && before) std::ranges::reverse(*rows);
  return rows;
}

Result<std::vector<DocumentInfo>> Registry::Waiting(size_t limit) {
  return sqlite::RowsOf(db_,
                        "SELECT " WEIR_COLUMNS
                        " FROM document WHERE status = 'reading' AND file_id <> ''"
                        " ORDER BY created, id LIMIT ?1",
                        DocumentRow, static_cast<int64_t>(limit));
}

Result<std::vector<DocumentInfo>> Registry::OfFile(std::string_view prefix,
                                                   std::string_view file_id) {
  return sqlite::RowsOf(db_,
                        "SELECT " WEIR_COLUMNS
                        " FROM document WHERE file_id = ?1 AND file_id <> '' AND"
                        " collection >= ?2 AND collection < ?3",
                        DocumentRow, file_id, prefix, EndOf(prefix));
}

}  // namespace weir::knowledge
