// The tables behind Store and the contents beside them: plain calls on the thread that owns both.
//
// A file is there when its row is, and so is a part of one. The content is written before the row
// and removed after it, so that a crash leaves at most a content without a row, which Open removes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/content_folder.h"
#include "files/file.h"
#include "sqlite/database.h"

namespace weir::files {

class Shelf {
 public:
  static Result<Shelf> Open(sqlite::Database db, ContentFolder contents, const Limits& limits,
                            int64_t now_s);

  Result<FileInfo> Put(std::string_view tenant, const FileToKeep& given, int64_t now_s);
  Result<FileInfo> Find(std::string_view tenant, std::string_view id, int64_t now_s);
  Result<std::vector<FileInfo>> List(std::string_view tenant, const ListQuery& query,
                                     int64_t now_s);
  // From `offset` on, at most `bytes`; less only at the file's end.
  Result<std::string> Read(std::string_view tenant, std::string_view id, int64_t offset,
                           int64_t bytes, int64_t now_s);
  Result<FileInfo> Remove(std::string_view tenant, std::string_view id, int64_t now_s);

  // Files that come in parts: shelf_uploads.cc.
  Result<UploadInfo> BeginUpload(std::string_view tenant, const UploadToBegin& asked,
                                 int64_t now_s);
  Result<PartInfo> AddPart(std::string_view tenant, const PartToKeep& part, int64_t now_s);
  Result<UploadInfo> CompleteUpload(std::string_view tenant, const UploadToComplete& asked,
                                    int64_t now_s);
  Result<UploadInfo> CancelUpload(std::string_view tenant, std::string_view id, int64_t now_s);

 private:
  struct Held {
    int64_t files = 0;
    int64_t bytes = 0;  // of files and of parts
  };
  struct Part {
    std::string id = {};
    int64_t bytes = 0;
  };

  Shelf(sqlite::Database db, ContentFolder contents, const Limits& limits)
      : db_(std::move(db)), contents_(std::move(contents)), limits_(limits) {}

  Result<void> Count();
  Result<void> SweepContents();
  // Files whose time is over; a bounded number at once, now and then.
  Result<void> Forget(int64_t now_s);
  Result<std::optional<int64_t>> NumberOf(std::string_view tenant, std::string_view id);
  Result<void> RemoveRow(const std::string& tenant, const FileInfo& file);
  // That `bytes` more, and a file more, are within the tenant's bounds.
  Result<void> CheckRoom(const Held& held, int64_t bytes) const;
  Result<void> InsertRow(std::string_view tenant, const FileInfo& file);

  Result<UploadInfo> FindUpload(std::string_view tenant, std::string_view id, int64_t now_s);
  // The same, unless it takes no more.
  Result<UploadInfo> FindPending(std::string_view tenant, std::string_view id, int64_t now_s);
  // Of an upload, in the order in which they came.
  Result<std::vector<Part>> PartsOf(std::string_view upload_id);
  Result<void> ChangeUpload(const UploadInfo& upload);
  Result<void> DropParts(const std::string& tenant, std::string_view upload_id);
  Result<void> ForgetUploads(int64_t now_s);

  sqlite::Database db_;
  ContentFolder contents_;
  Limits limits_;
  std::map<std::string, Held, std::less<>> held_ = {};  // by tenant
  int64_t forgotten_at_s_ = 0;
};

}  // namespace weir::files
