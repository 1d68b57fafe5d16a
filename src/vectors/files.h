// A store's folder while it is open: the lock that keeps a second process out, the connection that
// writes, and connections that read, lent out one by one. Shared by the store and its collections.
//
// Threads: Borrow and what it lends from any; `rows` under `writing`.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/mutex.h"
#include "base/result.h"
#include "process/file_lock.h"
#include "vectors/rows.h"

namespace weir::vectors {

class Files {
 public:
  static Result<std::shared_ptr<Files>> Open(const std::filesystem::path& folder, bool check);

  Mutex writing;  // one writer at a time
  Rows rows GUARDED_BY(writing);

  // A reading connection until it dies, then it is kept for the next. Must die before the Files.
  class Loan {
   public:
    Loan(Files& files, std::unique_ptr<RowReader> reader)
        : files_(&files), reader_(std::move(reader)) {}
    Loan(Loan&&) = default;
    Loan& operator=(Loan&&) = delete;
    ~Loan();
    RowReader* operator->() const { return reader_.get(); }

   private:
    Files* files_;
    std::unique_ptr<RowReader> reader_;
  };
  Result<Loan> Borrow();

  const std::filesystem::path& folder() const { return folder_; }
  // Of what can be made again.
  std::filesystem::path index_folder() const { return folder_ / "index"; }

  // Use Open.
  Files(std::filesystem::path folder, FileLock lock, Rows opened);

 private:
  static constexpr size_t kIdleMax = 8;

  std::filesystem::path folder_;
  FileLock lock_;
  Mutex lending_;
  std::vector<std::unique_ptr<RowReader>> idle_ GUARDED_BY(lending_);
};

// A database that is there for a while, with what SQLite keeps beside it. It lies where an open
// store removes what it does not know, so that a crash leaves nothing.
class PassingDatabase {
 public:
  PassingDatabase(const std::filesystem::path& folder, std::string_view name_start);
  PassingDatabase(const PassingDatabase&) = delete;
  PassingDatabase& operator=(const PassingDatabase&) = delete;
  ~PassingDatabase();

  const std::filesystem::path& path() const { return paths_[0]; }
  const std::filesystem::path& log() const { return paths_[1]; }

 private:
  std::array<std::filesystem::path, 3> paths_;
};

// Where the tables lie in a store's folder.
std::filesystem::path DatabaseIn(const std::filesystem::path& folder);

// What is in a folder, in no order; nothing where it cannot be read. (The standard library's
// iterator ends the process where memory is refused.)
std::vector<std::string> NamesIn(const std::filesystem::path& folder);
// Brings a file, or the names in a folder, to the disk; `what` begins the error's sentence.
Result<void> SyncPath(const std::filesystem::path& path, std::string what);
// The folder that holds the name of `path`.
std::filesystem::path ParentOf(const std::filesystem::path& path);

}  // namespace weir::vectors
