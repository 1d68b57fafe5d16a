#include "vectors/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/random.h"
#include "process/fd.h"

namespace weir::vectors {

std::filesystem::path DatabaseIn(const std::filesystem::path& folder) {
  return folder / "vectors.db";
}

std::vector<std::string> NamesIn(const std::filesystem::path& folder) {
  struct Close {
    void operator()(DIR* stream) const { closedir(stream); }
  };
  const std::unique_ptr<DIR, Close> stream(opendir(folder.c_str()));
  std::vector<std::string> names;
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

Result<void> SyncPath(const std::filesystem::path& path, std::string what) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || fsync(fd.get()) != 0) return Fail(SystemError(std::move(what), errno));
  return {};
}

std::filesystem::path ParentOf(const std::filesystem::path& path) {
  const auto whole = path.has_filename() ? path : path.parent_path();  // "a/b/" is "a/b"
  return whole.has_parent_path() ? whole.parent_path() : std::filesystem::path(".");
}

PassingDatabase::PassingDatabase(const std::filesystem::path& folder, std::string_view name_start) {
  paths_[0] = folder / NewId(name_start);
  paths_[1] = paths_[0].native() + "-wal";
  paths_[2] = paths_[0].native() + "-shm";
}

PassingDatabase::~PassingDatabase() {
  std::error_code ignored;
  for (const auto& path : paths_) std::filesystem::remove(path, ignored);
}

Files::Files(std::filesystem::path folder, FileLock lock, Rows opened)
    : rows(std::move(opened)), folder_(std::move(folder)), lock_(std::move(lock)) {
  const MutexLock lending(lending_);
  idle_.reserve(kIdleMax);  // giving back must not need memory
}

Result<std::shared_ptr<Files>> Files::Open(const std::filesystem::path& folder, bool check) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return Fail(SystemError("the folder of the vector store could not be made", errno));
  }
  // A new store's folder must be there after a loss of power, or all that is acknowledged in it is
  // not. SQLite sees to the names inside.
  struct stat there = {};
  if (stat(DatabaseIn(folder).c_str(), &there) != 0) {
    auto synced = SyncPath(ParentOf(folder), "the folder of the vector store could not be synced");
    if (!synced) return Fail(std::move(synced.error()));
  }
  auto lock = FileLock::Acquire(folder.native());
  if (!lock) return Fail(std::move(lock.error()));
  // Without it there are no index files, and searches scan until they have built what they need.
  mkdir((folder / "index").c_str(), 0700);
  auto rows = Rows::Open(DatabaseIn(folder), check);
  if (!rows) return Fail(std::move(rows.error()));
  return std::make_shared<Files>(folder, std::move(*lock), std::move(*rows));
}

Result<Files::Loan> Files::Borrow() {
  {
    const MutexLock lock(lending_);
    if (!idle_.empty()) {
      Loan loan(*this, std::move(idle_.back()));
      idle_.pop_back();
      return loan;
    }
  }
  auto reader = RowReader::Open(DatabaseIn(folder_));
  if (!reader) return Fail(std::move(reader.error()));
  return Loan(*this, std::make_unique<RowReader>(std::move(*reader)));
}

Files::Loan::~Loan() {
  if (!reader_) return;
  const MutexLock lock(files_->lending_);
  if (files_->idle_.size() < kIdleMax) files_->idle_.push_back(std::move(reader_));
}

}  // namespace weir::vectors
