#include "files/shelf.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/random.h"
#include "sqlite/migrations.h"

namespace weir::files {
namespace {

constexpr sqlite::Migration kSteps[] = {
    {"CREATE TABLE file (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
     " tenant TEXT NOT NULL, name TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL,"
     " created INTEGER NOT NULL, expires INTEGER NOT NULL, label TEXT, label_floor TEXT NOT NULL);"
     "CREATE INDEX file_tenant ON file (tenant, number);"
     "CREATE INDEX file_expires ON file (expires) WHERE expires > 0;"},
};

constexpr int64_t kForgetEveryS = 600;
constexpr int64_t kForgetAtOnce = 1000;

#define WEIR_COLUMNS "id, name, purpose, bytes, created, expires, label, label_floor"

std::unexpected<Error> NotThere() {
  return Fail(Code::kNotFound, "there is no such file here", "file_id", "file_not_found");
}

// Whatever cannot be read as a label counts as the highest.
chat::Label LabelOf(std::string_view name) {
  return chat::LabelFromName(name).value_or(chat::Label::kUnscanned);
}

FileInfo RowOf(const sqlite::Statement& row) {
  FileInfo file{.id = std::string(row.Text(0)),
                .name = std::string(row.Text(1)),
                .purpose = std::string(row.Text(2)),
                .bytes = row.Int(3),
                .created_s = row.Int(4),
                .expires_s = row.Int(5),
                .label_floor = LabelOf(row.Text(7))};
  if (!row.IsNull(6)) file.label = LabelOf(row.Text(6));
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
  auto select = db_.Prepare("SELECT tenant, count(*), sum(bytes) FROM file GROUP BY tenant");
  if (!select) return Fail(select.error());
  held_.clear();
  for (;;) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return {};
    held_[std::string(select->Text(0))] = {.files = select->Int(1), .bytes = select->Int(2)};
  }
}

Result<void> Shelf::SweepContents() {
  auto select = db_.Prepare("SELECT id FROM file");
  if (!select) return Fail(select.error());
  std::set<std::string, std::less<>> ids;
  for (;;) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) break;
    ids.emplace(select->Text(0));
  }
  contents_.Sweep([&](const std::string& id) { return ids.contains(id); });
  return {};
}

Result<void> Shelf::RemoveRow(const std::string& tenant, const FileInfo& file) {
  auto remove = db_.Prepare("DELETE FROM file WHERE id = ?1");
  if (!remove) return Fail(remove.error());
  remove->Bind(file.id);
  if (auto run = remove->Run(); !run) return run;
  Held& held = held_[tenant];
  --held.files;
  held.bytes -= file.bytes;
  return contents_.Remove(file.id);
}

Result<void> Shelf::Forget(int64_t now_s) {
  if (now_s - forgotten_at_s_ < kForgetEveryS) return {};
  forgotten_at_s_ = now_s;
  auto select = db_.Prepare("SELECT " WEIR_COLUMNS
                            ", tenant FROM file WHERE expires > 0 AND expires <= ?1 LIMIT ?2");
  if (!select) return Fail(select.error());
  select->Bind(now_s, kForgetAtOnce);
  std::vector<std::pair<std::string, FileInfo>> over;
  for (;;) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) break;
    over.emplace_back(select->Text(8), RowOf(*select));
  }
  for (const auto& [tenant, file] : over) {
    if (auto removed = RemoveRow(tenant, file); !removed) return removed;
  }
  return {};
}

Result<FileInfo> Shelf::Put(std::string_view tenant, const Upload& upload, int64_t now_s) {
  if (auto forgotten = Forget(now_s); !forgotten) return Fail(forgotten.error());
  Held& held = held_[std::string(tenant)];
  const auto bytes = static_cast<int64_t>(upload.content.size());
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
  FileInfo file{.id = NewId("file-"),
                .name = upload.name,
                .purpose = upload.purpose,
                .bytes = bytes,
                .created_s = now_s,
                .expires_s = upload.lifetime_s > 0 ? now_s + upload.lifetime_s : 0,
                .label = upload.label,
                .label_floor = upload.label_floor};
  if (auto put = contents_.Put(file.id, upload.content); !put) return Fail(put.error());
  const auto insert = [&]() -> Result<void> {
    auto statement = db_.Prepare("INSERT INTO file (" WEIR_COLUMNS
                                 ", tenant) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    if (!statement) return Fail(statement.error());
    std::optional<std::string_view> label;
    if (file.label) label = chat::LabelName(*file.label);
    statement->Bind(file.id, file.name, file.purpose, file.bytes, file.created_s, file.expires_s,
                    label, chat::LabelName(file.label_floor), tenant);
    return statement->Run();
  };
  if (auto inserted = insert(); !inserted) {
    // Not worth a second error: what stays is swept at the next start.
    (void)contents_.Remove(file.id);
    return Fail(inserted.error());
  }
  ++held.files;
  held.bytes += bytes;
  return file;
}

Result<FileInfo> Shelf::Find(std::string_view tenant, std::string_view id, int64_t now_s) {
  auto select = db_.Prepare("SELECT " WEIR_COLUMNS
                            " FROM file WHERE id = ?1 AND tenant = ?2"
                            " AND (expires = 0 OR expires > ?3)");
  if (!select) return Fail(select.error());
  select->Bind(id, tenant, now_s);
  auto row = select->Step();
  if (!row) return Fail(row.error());
  if (!*row) return NotThere();
  return RowOf(*select);
}

Result<std::optional<int64_t>> Shelf::NumberOf(std::string_view tenant, std::string_view id) {
  auto select = db_.Prepare("SELECT number FROM file WHERE id = ?1 AND tenant = ?2");
  if (!select) return Fail(select.error());
  select->Bind(id, tenant);
  auto row = select->Step();
  if (!row) return Fail(row.error());
  if (!*row) return std::nullopt;
  return select->Int(0);
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
  auto select = query.oldest_first
                    ? db_.Prepare("SELECT " WEIR_COLUMNS
                                  " FROM file WHERE tenant = ?1 AND number > ?2 AND"
                                  " (?3 = '' OR purpose = ?3) AND (expires = 0 OR expires > ?4)"
                                  " ORDER BY number LIMIT ?5")
                    : db_.Prepare("SELECT " WEIR_COLUMNS
                                  " FROM file WHERE tenant = ?1 AND number < ?2 AND"
                                  " (?3 = '' OR purpose = ?3) AND (expires = 0 OR expires > ?4)"
                                  " ORDER BY number DESC LIMIT ?5");
  if (!select) return Fail(select.error());
  select->Bind(tenant, after, query.purpose, now_s, static_cast<int64_t>(query.limit));
  std::vector<FileInfo> files;
  for (;;) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return files;
    files.push_back(RowOf(*select));
  }
}

Result<std::string> Shelf::Read(std::string_view tenant, std::string_view id, int64_t now_s) {
  const auto file = Find(tenant, id, now_s);
  if (!file) return Fail(file.error());
  return contents_.Read(file->id, file->bytes);
}

Result<FileInfo> Shelf::Remove(std::string_view tenant, std::string_view id, int64_t now_s) {
  auto file = Find(tenant, id, now_s);
  if (!file) return file;
  if (auto removed = RemoveRow(std::string(tenant), *file); !removed) return Fail(removed.error());
  return file;
}

}  // namespace weir::files
