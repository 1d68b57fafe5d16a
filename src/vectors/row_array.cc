#include "vectors/row_array.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "process/fd.h"

namespace weir::vectors {
namespace {

// Gone when it is closed and no longer mapped, also after a crash.
Fd OpenNameless(const std::filesystem::path& folder) {
#ifdef O_TMPFILE
  if (Fd file(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); file.valid()) {
    return file;
  }
#endif
  std::string name = (folder / "rows-XXXXXX").native();
  Fd file(mkostemp(name.data(), O_CLOEXEC));
  if (file.valid()) unlink(name.c_str());
  return file;
}

}  // namespace

RowArray::Piece::Piece(size_t bytes, const std::filesystem::path* folder) : bytes_(bytes) {
  if (folder != nullptr && MapFile(*folder)) return;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::byte*>(memory);
}

bool RowArray::Piece::MapFile(const std::filesystem::path& folder) {
  const Fd file = OpenNameless(folder);
  if (!file.valid()) return false;
  // Blocks are taken now: a disk that is full later must not turn into a signal when a row is
  // written.
  if (posix_fallocate(file.get(), 0, static_cast<off_t>(bytes_)) != 0) return false;
  void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return false;
  // Rows are read one here, one there: what lies beside them need not come along.
  madvise(memory, bytes_, MADV_RANDOM);
  data_ = static_cast<std::byte*>(memory);
  return true;
}

RowArray::Piece::~Piece() { munmap(data_, bytes_); }

void RowArray::Piece::MakeHuge() const {
#ifdef MADV_HUGEPAGE
  // A wish: without it searches miss the TLB more often, that is all.
  madvise(data_, bytes_, MADV_HUGEPAGE);
#endif
}

RowArray::RowArray(size_t stride, std::filesystem::path folder)
    : stride_((stride + 7) / 8 * 8),
      folder_(std::move(folder)),
      table_(std::make_shared<View::Table>()) {}

std::byte* RowArray::Append() {
  if (rows_ % kRowsPerPiece == 0) {
    // Views hold the old table; they get on without the new piece.
    auto grown = std::make_shared<View::Table>(*table_);
    const size_t bytes = stride_ * kRowsPerPiece;
    const bool in_file = rows_ > 0 && !folder_.empty();
    if (in_file && rows_ == kRowsPerPiece) {
      // There are many now: the first piece goes into a file as well.
      auto first = std::make_shared<Piece>(bytes, &folder_);
      std::memcpy(first->data(), grown->starts.front(), bytes);
      grown->starts.front() = first->data();
      grown->pieces.front() = std::move(first);
    }
    grown->pieces.push_back(std::make_shared<Piece>(bytes, in_file ? &folder_ : nullptr));
    grown->starts.push_back(grown->pieces.back()->data());
    if (rows_ > 0 && !in_file) grown->pieces.back()->MakeHuge();
    table_ = std::move(grown);
  }
  std::byte* record =
      table_->pieces[rows_ / kRowsPerPiece]->data() + (rows_ % kRowsPerPiece) * stride_;
  ++rows_;
  return record;
}

}  // namespace weir::vectors
