// Files that come in parts. A part's content lies beside the files'; completing an upload copies
// its parts into a file, and one transaction makes that a file and takes the parts away. Until then
// nothing is different, whatever happens.
#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/random.h"
#include "files/label_column.h"
#include "files/shelf.h"
#include "hash/hash.h"
#include "sqlite/rows.h"

namespace weir::files {
namespace {

// How long it is remembered of an upload how it ended.
constexpr int64_t kRememberedS = 86'400;
constexpr int64_t kForgetAtOnce = 1'000;

constexpr std::string_view kPending = "pending";
constexpr std::string_view kCompleted = "completed";
constexpr std::string_view kCancelled = "cancelled";

UploadStatus StatusOf(std::string_view state, bool over) {
  if (state == kCompleted) return UploadStatus::kCompleted;
  if (state == kCancelled) return UploadStatus::kCancelled;
  return over ? UploadStatus::kExpired : UploadStatus::kPending;
}

std::string_view StateOf(UploadStatus status) {
  if (status == UploadStatus::kCompleted) return kCompleted;
  return status == UploadStatus::kCancelled ? kCancelled : kPending;
}

std::string_view WordOf(UploadStatus status) {
  return status == UploadStatus::kExpired ? "expired" : StateOf(status);
}

std::unexpected<Error> NotPending(UploadStatus status) {
  return Fail(Code::kInvalidArgument,
              fmt::format("the upload is {} and takes no more", WordOf(status)), "upload_id",
              "upload_not_pending");
}

template <class Asked>
void JoinLabels(UploadInfo& upload, const Asked& asked) {
  if (asked.label) upload.label = chat::Join(upload.label.value_or(*asked.label), *asked.label);
  upload.label_floor = chat::Join(upload.label_floor, asked.label_floor);
}

std::optional<std::string_view> LabelColumn(const UploadInfo& upload) {
  if (!upload.label) return std::nullopt;
  return chat::LabelName(*upload.label);
}

}  // namespace

Result<UploadInfo> Shelf::BeginUpload(std::string_view tenant, const UploadToBegin& asked,
                                      int64_t now_s) {
  if (auto forgotten = Forget(now_s); !forgotten) return Fail(forgotten.error());
  if (auto room = CheckRoom(held_[std::string(tenant)], asked.bytes); !room)
    return Fail(room.error());
  const auto waiting = sqlite::FirstOf(
      db_, "SELECT count(*) FROM upload WHERE tenant = ?1 AND state = ?2 AND expires > ?3",
      [](const sqlite::Statement& row) { return row.Int(0); }, tenant, kPending, now_s);
  if (!waiting) return Fail(waiting.error());
  if (waiting->value_or(0) >= Limits::kUploadsMax) {
    return Fail(Code::kTooLarge,
                fmt::format("{} uploads wait for parts, and more may not; complete or cancel some",
                            Limits::kUploadsMax),
                "upload", "too_many_uploads");
  }
  UploadInfo upload{.id = NewId("upload_"),
                    .name = asked.name,
                    .purpose = asked.purpose,
                    .bytes = asked.bytes,
                    .created_s = now_s,
                    .expires_s = now_s + Limits::kUploadLifeS,
                    .lifetime_s = asked.lifetime_s,
                    .label = asked.label,
                    .label_floor = asked.label_floor};
  auto inserted =
      sqlite::Run(db_,
                  "INSERT INTO upload (id, tenant, name, purpose, bytes, created, expires, state,"
                  " lifetime, label, label_floor, file)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, '')",
                  upload.id, tenant, upload.name, upload.purpose, upload.bytes, upload.created_s,
                  upload.expires_s, kPending, upload.lifetime_s, LabelColumn(upload),
                  chat::LabelName(upload.label_floor));
  if (!inserted) return Fail(inserted.error());
  return upload;
}

Result<UploadInfo> Shelf::FindUpload(std::string_view tenant, std::string_view id, int64_t now_s) {
  auto found = sqlite::FirstOf(
      db_,
      "SELECT id, name, purpose, bytes, created, expires, state, lifetime, label, label_floor, file"
      " FROM upload WHERE id = ?1 AND tenant = ?2",
      [&](const sqlite::Statement& row) {
        UploadInfo upload{.id = std::string(row.Text(0)),
                          .name = std::string(row.Text(1)),
                          .purpose = std::string(row.Text(2)),
                          .bytes = row.Int(3),
                          .created_s = row.Int(4),
                          .expires_s = row.Int(5),
                          .status = StatusOf(row.Text(6), row.Int(5) <= now_s),
                          .lifetime_s = row.Int(7),
                          .label_floor = KeptLabel(row.Text(9)),
                          .file_id = std::string(row.Text(10))};
        if (!row.IsNull(8)) upload.label = KeptLabel(row.Text(8));
        return upload;
      },
      id, tenant);
  if (!found) return Fail(found.error());
  if (!*found)
    return Fail(Code::kNotFound, "there is no such upload here", "upload_id", "upload_not_found");
  return std::move(**found);
}

Result<UploadInfo> Shelf::FindPending(std::string_view tenant, std::string_view id, int64_t now_s) {
  if (auto forgotten = Forget(now_s); !forgotten) return Fail(forgotten.error());
  auto upload = FindUpload(tenant, id, now_s);
  if (upload && upload->status != UploadStatus::kPending) return NotPending(upload->status);
  return upload;
}

Result<std::vector<Shelf::Part>> Shelf::PartsOf(std::string_view upload_id) {
  return sqlite::RowsOf(
      db_, "SELECT id, bytes FROM part WHERE upload = ?1 ORDER BY number",
      [](const sqlite::Statement& row) {
        return Part{.id = std::string(row.Text(0)), .bytes = row.Int(1)};
      },
      upload_id);
}

Result<void> Shelf::ChangeUpload(const UploadInfo& upload) {
  return sqlite::Run(
      db_, "UPDATE upload SET state = ?2, label = ?3, label_floor = ?4, file = ?5 WHERE id = ?1",
      upload.id, StateOf(upload.status), LabelColumn(upload), chat::LabelName(upload.label_floor),
      upload.file_id);
}

Result<PartInfo> Shelf::AddPart(std::string_view tenant, const PartToKeep& part, int64_t now_s) {
  auto upload = FindPending(tenant, part.upload_id, now_s);
  if (!upload) return Fail(upload.error());
  Held& held = held_[std::string(tenant)];
  const auto bytes = static_cast<int64_t>(part.content.size());
  if (auto room = CheckRoom(held, bytes); !room) return Fail(room.error());
  const auto parts = sqlite::FirstOf(
      db_, "SELECT count(*) FROM part WHERE upload = ?1",
      [](const sqlite::Statement& row) { return row.Int(0); }, upload->id);
  if (!parts) return Fail(parts.error());
  if (parts->value_or(0) >= Limits::kPartsMax) {
    return Fail(Code::kTooLarge,
                fmt::format("the upload has {} parts, and takes no more", Limits::kPartsMax),
                "upload_id", "too_many_parts");
  }
  PartInfo made{.id = NewId("part_"), .upload_id = upload->id, .created_s = now_s};
  if (auto put = contents_.Put(made.id, part.content); !put) return Fail(put.error());
  const auto noted = [&]() -> Result<void> {
    JoinLabels(*upload, part);
    auto transaction = sqlite::Transaction::Begin(db_);
    if (!transaction) return Fail(transaction.error());
    if (auto changed = ChangeUpload(*upload); !changed) return changed;
    auto inserted = sqlite::Run(db_, "INSERT INTO part (id, upload, bytes) VALUES (?1, ?2, ?3)",
                                made.id, upload->id, bytes);
    if (!inserted) return inserted;
    return transaction->Commit();
  }();
  if (!noted) {
    (void)contents_.Remove({&made.id, 1});
    return Fail(noted.error());
  }
  held.bytes += bytes;
  return made;
}

Result<UploadInfo> Shelf::CompleteUpload(std::string_view tenant, const UploadToComplete& asked,
                                         int64_t now_s) {
  auto upload = FindUpload(tenant, asked.upload_id, now_s);
  if (!upload) return upload;
  if (upload->status == UploadStatus::kCompleted) {
    // Whoever did not hear the answer asks again.
    if (auto file = Find(tenant, upload->file_id, now_s)) upload->file = std::move(*file);
    return upload;
  }
  if (upload->status != UploadStatus::kPending) return NotPending(upload->status);
  const auto parts = PartsOf(upload->id);
  if (!parts) return Fail(parts.error());
  std::map<std::string_view, int64_t> left;
  for (const Part& part : *parts) left.emplace(part.id, part.bytes);
  int64_t bytes = 0;
  for (const std::string& id : asked.part_ids) {
    const auto part = left.extract(id);
    if (part.empty()) {
      return Fail(Code::kInvalidArgument,
                  "part_ids has an id twice, or one of no part of this upload", "part_ids",
                  "invalid_part");
    }
    bytes += part.mapped();
  }
  if (bytes != upload->bytes) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the parts have {} bytes together, and the upload was to have {}",
                            bytes, upload->bytes),
                "part_ids", "wrong_size");
  }
  JoinLabels(*upload, asked);
  FileInfo file{.id = NewId("file-"),
                .name = upload->name,
                .purpose = upload->purpose,
                .bytes = bytes,
                .created_s = now_s,
                .expires_s = upload->lifetime_s > 0 ? now_s + upload->lifetime_s : 0,
                .label = upload->label,
                .label_floor = upload->label_floor};
  Held& held = held_[std::string(tenant)];
  if (auto room = CheckRoom(held, 0); !room) return Fail(room.error());
  Md5 md5;
  const auto kept = [&]() -> Result<void> {
    const auto hash = [&](std::string_view piece) {
      if (!asked.md5.empty()) md5.Add(piece);
    };
    if (auto joined = contents_.Join(file.id, asked.part_ids, hash); !joined) return joined;
    if (!asked.md5.empty() && md5.Hex() != asked.md5) {
      return Fail(Code::kInvalidArgument, "the parts have another MD5", "md5", "wrong_md5");
    }
    upload->status = UploadStatus::kCompleted;
    upload->file_id = file.id;
    auto transaction = sqlite::Transaction::Begin(db_);
    if (!transaction) return Fail(transaction.error());
    if (auto inserted = InsertRow(tenant, file); !inserted) return inserted;
    if (auto changed = ChangeUpload(*upload); !changed) return changed;
    if (auto run = sqlite::Run(db_, "DELETE FROM part WHERE upload = ?1", upload->id); !run)
      return run;
    return transaction->Commit();
  }();
  if (!kept) {
    (void)contents_.Remove({&file.id, 1});
    return Fail(kept.error());
  }
  ++held.files;
  held.bytes += bytes;
  std::vector<std::string> ids;
  for (const Part& part : *parts) {
    held.bytes -= part.bytes;
    ids.push_back(part.id);
  }
  // The file is there; what stays of its parts is swept at the next start.
  (void)contents_.Remove(ids);
  upload->file = std::move(file);
  return upload;
}

Result<void> Shelf::DropParts(const std::string& tenant, std::string_view upload_id) {
  const auto parts = PartsOf(upload_id);
  if (!parts) return Fail(parts.error());
  if (auto run = sqlite::Run(db_, "DELETE FROM part WHERE upload = ?1", upload_id); !run)
    return run;
  std::vector<std::string> ids;
  for (const Part& part : *parts) {
    held_[tenant].bytes -= part.bytes;
    ids.push_back(part.id);
  }
  return contents_.Remove(ids);
}

Result<UploadInfo> Shelf::CancelUpload(std::string_view tenant, std::string_view id,
                                       int64_t now_s) {
  auto upload = FindUpload(tenant, id, now_s);
  if (!upload || upload->status == UploadStatus::kCancelled) return upload;
  if (upload->status != UploadStatus::kPending) return NotPending(upload->status);
  upload->status = UploadStatus::kCancelled;
  if (auto changed = ChangeUpload(*upload); !changed) return Fail(changed.error());
  if (auto dropped = DropParts(std::string(tenant), upload->id); !dropped)
    return Fail(dropped.error());
  return upload;
}

Result<void> Shelf::ForgetUploads(int64_t now_s) {
  const auto over = sqlite::RowsOf(
      db_,
      "SELECT tenant, id FROM upload WHERE expires <= ?1 AND"
      " EXISTS (SELECT 1 FROM part WHERE part.upload = upload.id) LIMIT ?2",
      [](const sqlite::Statement& row) {
        return std::pair(std::string(row.Text(0)), std::string(row.Text(1)));
      },
      now_s, kForgetAtOnce);
  if (!over) return Fail(over.error());
  for (const auto& [tenant, id] : *over) {
    if (auto dropped = DropParts(tenant, id); !dropped) return dropped;
  }
  return sqlite::Run(db_,
                     "DELETE FROM upload WHERE expires <= ?1 AND"
                     " NOT EXISTS (SELECT 1 FROM part WHERE part.upload = upload.id)",
                     now_s - kRememberedS);
}

}  // namespace weir::files
