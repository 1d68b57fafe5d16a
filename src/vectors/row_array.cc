#include "vectors/row_array.h"

#include <sys/mman.h>

#include <new>

namespace weir::vectors {

RowArray::Piece::Piece(size_t bytes) : bytes_(bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::byte*>(memory);
}

RowArray::Piece::~Piece() { munmap(data_, bytes_); }

void RowArray::Piece::MakeHuge() const {
#ifdef MADV_HUGEPAGE
  // A wish: without it searches miss the TLB more often, that is all.
  madvise(data_, bytes_, MADV_HUGEPAGE);
#endif
}

RowArray::RowArray(size_t stride)
    : stride_((stride + 7) / 8 * 8), table_(std::make_shared<View::Table>()) {}

std::byte* RowArray::Append() {
  if (rows_ % kRowsPerPiece == 0) {
    // Views hold the old table; they get on without the new piece.
    auto grown = std::make_shared<View::Table>(*table_);
    grown->pieces.push_back(std::make_shared<Piece>(stride_ * kRowsPerPiece));
    grown->starts.push_back(grown->pieces.back()->data());
    if (rows_ > 0) grown->pieces.back()->MakeHuge();
    table_ = std::move(grown);
  }
  std::byte* record =
      table_->pieces[rows_ / kRowsPerPiece]->data() + (rows_ % kRowsPerPiece) * stride_;
  ++rows_;
  return record;
}

}  // namespace weir::vectors
