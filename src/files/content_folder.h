// The contents of files on the disk, one file each, called like the id. A content is there whole
// or not at all: it is written aside, synced and renamed. Blocks; one thread at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::files {

class ContentFolder {
 public:
  // Makes the folder, for its owner only, where there is none; its parent must exist.
  static Result<ContentFolder> Open(std::filesystem::path folder);

  // On the disk when it returns. kUnavailable, reason storage_full or storage_io: nothing is left.
  Result<void> Put(const std::string& id, std::string_view content);
  Result<std::string> Read(const std::string& id, int64_t bytes) const;
  // Nothing there is fine.
  Result<void> Remove(const std::string& id);
  // Removes what `known` does not know: what a crash left behind.
  void Sweep(const std::function<bool(const std::string& id)>& known);

 private:
  explicit ContentFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Result<void> Sync() const;

  std::filesystem::path folder_;
};

}  // namespace weir::files
