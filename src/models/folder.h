// Folders of the model store, opened once and used by descriptor, so that nothing below the root is
// reached through a symbolic link. Inside models/ only.
#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "process/fd.h"

namespace weir::models {

// Invalid, with errno set, when it is not there, is a link, or may not be opened. Reading, unless
// `flags` say otherwise; a named pipe in a file's place does not hold the caller.
Fd OpenBelow(int folder, const char* name, int flags);
Fd OpenFolder(int parent, const char* name);
// The root may be a link: the operator chose it.
Fd OpenRoot(const std::string& root);
// The size when `fd` is a regular file.
std::optional<uint64_t> FileSize(const Fd& fd);
// The whole of a small regular file; kUnavailable when it is none, or larger.
Result<std::string> ReadSmallFile(const Fd& fd, size_t bytes_max);

// Removes the plain files of `folder`, which is called `name` in `parent`, `last` at the end, and
// then the folder itself. False when something stayed.
bool RemoveFlatFolder(int parent, const std::string& name, int folder, const std::string& last);

// What the folder of a model is called in a store: one piece of a path, another for every model.
std::string FolderOf(std::string_view model);
// The model that a folder is called after; of other folders something that is no name.
std::string ModelInFolder(std::string_view folder);

// An open folder that tells its names.
class Folder {
 public:
  explicit Folder(Fd fd);

  bool valid() const { return stream_ != nullptr; }
  int descriptor() const { return dirfd(stream_.get()); }
  // Sorted, at most `max` of them, without "." and ".."; those that start with a dot (unfinished
  // writes) only when asked for. Once.
  std::vector<std::string> Names(size_t max, bool hidden = false);

 private:
  struct Close {
    void operator()(DIR* stream) const { closedir(stream); }
  };
  std::unique_ptr<DIR, Close> stream_;
};

}  // namespace weir::models
