// The tables behind Store and the contents beside them: plain calls on the thread that owns both.
//
// A file is there when its row is. The content is written before the row and removed after it, so
// that a crash leaves at most a content without a row, which Open removes.
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

  Result<FileInfo> Put(std::string_view tenant, const Upload& upload, int64_t now_s);
  Result<FileInfo> Find(std::string_view tenant, std::string_view id, int64_t now_s);
  Result<std::vector<FileInfo>> List(std::string_view tenant, const ListQuery& query,
                                     int64_t now_s);
  Result<std::string> Read(std::string_view tenant, std::string_view id, int64_t now_s);
  Result<FileInfo> Remove(std::string_view tenant, std::string_view id, int64_t now_s);

 private:
  struct Held {
    int64_t files = 0;
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

  sqlite::Database db_;
  ContentFolder contents_;
  Limits limits_;
  std::map<std::string, Held, std::less<>> held_ = {};  // by tenant
  int64_t forgotten_at_s_ = 0;
};

}  // namespace weir::files
