// The contents of files on the disk, one file each, called like the id. A content is there whole
// or not at all: it is written aside, synced and renamed. Blocks; one thread at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
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
  // The same of other contents, one behind the other; `take` sees each piece on its way.
  Result<void> Join(const std::string& id, std::span<const std::string> ids,
                    const std::function<void(std::string_view piece)>& take);
  // What is there from `offset` on, at most `bytes`. kUnavailable, also where fewer are.
  Result<std::string> Read(const std::string& id, int64_t offset, int64_t bytes) const;
  // Nothing there is fine.
  Result<void> Remove(std::span<const std::string> ids);
  // Removes what `known` does not know: what a crash left behind.
  void Sweep(const std::function<bool(const std::string& id)>& known);

 private:
  // `write` returns errno, or 0.
  Result<void> Keep(const std::string& id, const std::function<int(int fd)>& write);
  explicit ContentFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Result<void> Sync() const;

  std::filesystem::path folder_;
};

}  // namespace weir::files
