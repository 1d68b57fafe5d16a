#include "files/shelf.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/random.h"
#include "files/label_column.h"
#include "sqlite/migrations.h"
#include "sqlite/rows.h"

namespace weir::files {
namespace {

constexpr sqlite::Migration kSteps[] = {
    {"CREATE TABLE file (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
     " tenant TEXT NOT NULL, name TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL,"
     " created INTEGER NOT NULL, expires INTEGER NOT NULL, label TEXT, label_floor TEXT NOT NULL);"
     "CREATE INDEX file_tenant ON file (tenant, number);"
     "CREATE INDEX file_expires ON file (expires) WHERE expires > 0;"},
    {"CREATE TABLE upload (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
     " tenant TEXT NOT NULL, name TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL,"
     " created INTEGER NOT NULL, expires INTEGER NOT NULL, state TEXT NOT NULL,"
     " lifetime INTEGER NOT NULL, label TEXT, label_floor TEXT NOT NULL, file TEXT NOT NULL);"
     "CREATE INDEX upload_tenant ON upload (tenant, state);"
     "CREATE INDEX upload_expires ON upload (expires);"
     "CREATE TABLE part (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
     " upload TEXT NOT NULL, bytes INTEGER NOT NULL);"
     "CREATE INDEX part_upload ON part (upload, number);"},
};

constexpr int64_t kForgetEveryS = 600;
constexpr int64_t kForgetAtOnce = 1000;

#define WEIR_COLUMNS "id, name, purpose, bytes, created, expires, label, label_floor"

std::unexpected<Error> NotThere() {
  return Fail(Code::kNotFound, "there is no such file here", "file_id", "file_not_found");
}

FileInfo RowOf(const sqlite::Statement& row) {
  FileInfo file{.id = std::string(row.Text(0)),
                .name = std::string(row.Text(1)),
                .purpose = std::string(row.Text(2)),
                .bytes = row.Int(3),
                .created_s = row.Int(4),
                .expires_s = row.Int(5),
                .label_floor = KeptLabel(row.Text(7))};
  if (!row.IsNull(6)) file.label = KeptLabel(row.Text(6));
  return file;
}

}  // namespace

Result<Shelf> Shelf::Open(sqlite::Database db, ContentFolder contents, const Limits& limits,
                          int64_t now_s) {
  if (auto migrated = sqlite::Migrate(db, "files", kSteps); !migrated)
    return Fail(migrated.error());
  Shelf shelf(std::move(db), std::move(contents), limits);
  if (auto counted = shelf.Count(); !counted) return Fail(counted.error());
  if (auto forgotten = shelf.Forget(now_s); !forgotten) return Fail(forgotten.error());
  if (auto swept = shelf.SweepContents(); !swept) return Fail(swept.error());
  return shelf;
}

Result<void> Shelf::Count() {
  held_.clear();
  auto files = sqlite::EachRow(db_, "SELECT tenant, count(*), sum(bytes) FROM file GROUP BY tenant",
                               [&](const sqlite::Statement& row) {
                                 held_[std::string(row.Text(0))] = {.files = row.Int(1),
                                                                    .bytes = row.Int(2)};
                               });
  if (!files) return files;
  return sqlite::EachRow(
      db_,
      "SELECT upload.tenant, sum(part.bytes) FROM part"
      " JOIN upload ON upload.id = part.upload GROUP BY upload.tenant",
      [&](const sqlite::Statement& row) { held_[std::string(row.Text(0))].bytes += row.Int(1); });
}

Result<void> Shelf::SweepContents() {
  std::set<std::string, std::less<>> ids;
  auto read = sqlite::EachRow(db_, "SELECT id FROM file UNION ALL SELECT id FROM part",
                              [&](const sqlite::Statement& row) { ids.emplace(row.Text(0)); });
  if (!read) return read;
  contents_.Sweep([&](const std::string& id) { return ids.contains(id); });
  return {};
}

Result<void> Shelf::RemoveRow(const std::string& tenant, const FileInfo& file) {
  if (auto run = sqlite::Run(db_, "DELETE FROM file WHERE id = ?1", file.id); !run) return run;
  Held& held = held_[tenant];
  --held.files;
  held.bytes -= file.bytes;
  return contents_.Remove({&file.id, 1});
}

Result<void> Shelf::Forget(int64_t now_s) {
  if (now_s - forgotten_at_s_ < kForgetEveryS) return {};
  forgotten_at_s_ = now_s;
  const auto over = sqlite::RowsOf(
      db_, "SELECT " WEIR_COLUMNS ", tenant FROM file WHERE expires > 0 AND expires <= ?1 LIMIT ?2",
      [](const sqlite::Statement& row) { return std::pair(std::string(row.Text(8)), RowOf(row)); },
      now_s, kForgetAtOnce);
  if (!over) return Fail(over.error());
  for (const auto& [tenant, file] : *over) {
    if (auto removed = RemoveRow(tenant, file); !removed) return removed;
  }
  return ForgetUploads(now_s);
}

Result<void> Shelf::CheckRoom(const Held& held, int64_t bytes) const {
  if (held.files >= limits_.tenant_files_max) {
    return Fail(
        Code::kTooLarge,
        fmt::format("{} files are kept, and more are not; delete some", limits_.tenant_files_max),
        "file", "too_many_files");
  }
  if (bytes > limits_.tenant_bytes_max - held.bytes) {
    return Fail(Code::kTooLarge,
                fmt::format("the files that are kept may have {} bytes together "
                            "(limits.kept_files), and have {}; delete some",
                            limits_.tenant_bytes_max, held.bytes),
                "file", "files_too_large");
  }
  return {};
}

Result<void> Shelf::InsertRow(std::string_view tenant, const FileInfo& file) {
  std::optional<std::string_view> label;
  if (file.label) label = chat::LabelName(*file.label);
  return sqlite::Run(db_,
                     "INSERT INTO file (" WEIR_COLUMNS
                     ", tenant) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                     file.id, file.name, file.purpose, file.bytes, file.created_s, file.expires_s,
                     label, chat::LabelName(file.label_floor), tenant);
}

Result<FileInfo> Shelf::Put(std::string_view tenant, const FileToKeep& given, int64_t now_s) {
  if (auto forgotten = Forget(now_s); !forgotten) return Fail(forgotten.error());
  Held& held = held_[std::string(tenant)];
  const auto bytes = static_cast<int64_t>(given.content.size());
  if (auto room = CheckRoom(held, bytes); !room) return Fail(room.error());
  FileInfo file{.id = NewId("file-"),
                .name = given.name,
                .purpose = given.purpose,
                .bytes = bytes,
                .created_s = now_s,
                .expires_s = given.lifetime_s > 0 ? now_s + given.lifetime_s : 0,
                .label = given.label,
                .label_floor = given.label_floor};
  if (auto put = contents_.Put(file.id, given.content); !put) return Fail(put.error());
  if (auto inserted = InsertRow(tenant, file); !inserted) {
    // Not worth a second error: what stays is swept at the next start.
    (void)contents_.Remove({&file.id, 1});
    return Fail(inserted.error());
  }
  ++held.files;
  held.bytes += bytes;
  return file;
}

Result<FileInfo> Shelf::Find(std::string_view tenant, std::string_view id, int64_t now_s) {
  auto file = sqlite::FirstOf(db_,
                              "SELECT " WEIR_COLUMNS
                              " FROM file WHERE id = ?1 AND tenant = ?2"
                              " AND (expires = 0 OR expires > ?3)",
                              RowOf, id, tenant, now_s);
  if (!file) return Fail(file.error());
  if (!*file) return NotThere();
  return std::move(**file);
}

Result<std::optional<int64_t>> Shelf::NumberOf(std::string_view tenant, std::string_view id) {
  return sqlite::FirstOf(
      db_, "SELECT number FROM file WHERE id = ?1 AND tenant = ?2",
      [](const sqlite::Statement& row) { return row.Int(0); }, id, tenant);
}

Result<std::vector<FileInfo>> Shelf::List(std::string_view tenant, const ListQuery& query,
                                          int64_t now_s) {
  if (auto forgotten = Forget(now_s); !forgotten) return Fail(forgotten.error());
  int64_t after = query.oldest_first ? 0 : INT64_MAX;
  if (!query.after.empty()) {
    const auto number = NumberOf(tenant, query.after);
    if (!number) return Fail(number.error());
    if (!*number) return Fail(Code::kInvalidArgument, "after is the id of no file here", "after");
    after = **number;
  }
  const sqlite::Sql upwards = "SELECT " WEIR_COLUMNS
                              " FROM file WHERE tenant = ?1 AND number > ?2 AND"
                              " (?3 = '' OR purpose = ?3) AND (expires = 0 OR expires > ?4)"
                              " ORDER BY number LIMIT ?5";
  const sqlite::Sql downwards = "SELECT " WEIR_COLUMNS
                                " FROM file WHERE tenant = ?1 AND number < ?2 AND"
                                " (?3 = '' OR purpose = ?3) AND (expires = 0 OR expires > ?4)"
                                " ORDER BY number DESC LIMIT ?5";
  return sqlite::RowsOf(db_, query.oldest_first ? upwards : downwards, RowOf, tenant, after,
                        query.purpose, now_s, static_cast<int64_t>(query.limit));
}

Result<std::string> Shelf::Read(std::string_view tenant, std::string_view id, int64_t offset,
                                int64_t bytes, int64_t now_s) {
  const auto file = Find(tenant, id, now_s);
  if (!file) return Fail(file.error());
  return contents_.Read(file->id, offset, std::clamp<int64_t>(file->bytes - offset, 0, bytes));
}

Result<FileInfo> Shelf::Remove(std::string_view tenant, std::string_view id, int64_t now_s) {
  auto file = Find(tenant, id, now_s);
  if (!file) return file;
  if (auto removed = RemoveRow(std::string(tenant), *file); !removed) return Fail(removed.error());
  return file;
}

}  // namespace weir::files
