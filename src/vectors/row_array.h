// An array of records of one size that grows at its end: one thread appends while others read
// through views that were taken before. What a view sees never moves: the records that were there
// when it was taken; what publishes the view to another thread (a mutex) also publishes the
// records.
//
// Memory comes from the kernel in pieces of kRowsPerPiece records and is used as it is touched, so
// an array of few records costs few pages. With a folder, arrays of more than one piece lie in
// files there that have no name: the kernel keeps of them what is in use and takes the rest back
// when memory is short. Where that cannot be had (a full disk) they lie in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace weir::vectors {

class RowArray {
 public:
  static constexpr uint32_t kRowsPerPiece = 16'384;

  class Piece {
   public:
    // In a file in `folder`; null: in memory.
    Piece(size_t bytes, const std::filesystem::path* folder);
    Piece(const Piece&) = delete;
    Piece& operator=(const Piece&) = delete;
    ~Piece();
    std::byte* data() const { return data_; }
    // Asks for huge pages, once the piece is known to become full.
    void MakeHuge() const;

   private:
    bool MapFile(const std::filesystem::path& folder);

    std::byte* data_ = nullptr;
    size_t bytes_;
  };

  class View {
   public:
    View() = default;
    const std::byte* At(uint32_t row) const {
      return starts_[row / kRowsPerPiece] + (row % kRowsPerPiece) * stride_;
    }
    template <class T>
    const T& As(uint32_t row) const {
      return *reinterpret_cast<const T*>(At(row));
    }
    size_t stride() const { return stride_; }
    // Where each piece begins.
    const std::byte* const* starts() const { return starts_; }

   private:
    friend class RowArray;
    struct Table {
      std::vector<std::shared_ptr<Piece>> pieces;
      std::vector<const std::byte*> starts;
    };
    explicit View(std::shared_ptr<const Table> table, size_t stride)
        : table_(std::move(table)), starts_(table_->starts.data()), stride_(stride) {}

    std::shared_ptr<const Table> table_;
    const std::byte* const* starts_ = nullptr;
    size_t stride_ = 0;
  };

  // `stride` is rounded up so that records stay aligned to 8.
  explicit RowArray(size_t stride, std::filesystem::path folder = {});

  // The next record, all zero.
  std::byte* Append();
  uint32_t rows() const { return rows_; }
  size_t stride() const { return stride_; }
  View Look() const { return View(table_, stride_); }

 private:
  size_t stride_;
  std::filesystem::path folder_;
  uint32_t rows_ = 0;
  std::shared_ptr<const View::Table> table_;
};

}  // namespace weir::vectors
