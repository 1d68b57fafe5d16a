#include "vectors/files.h"

#include <sys/stat.h>

#include <cerrno>

namespace weir::vectors {

std::filesystem::path DatabaseIn(const std::filesystem::path& folder) {
  return folder / "vectors.db";
}

Files::Files(std::filesystem::path folder, FileLock lock, Rows opened)
    : rows(std::move(opened)), folder_(std::move(folder)), lock_(std::move(lock)) {}

Result<std::shared_ptr<Files>> Files::Open(const std::filesystem::path& folder, bool check) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return Fail(SystemError("the folder of the vector store could not be made", errno));
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
