// The writing end of a collection's rows in memory: appends rows, marks them dead, and makes the
// View that shows them. One thread; the views it made go anywhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "vectors/distance.h"
#include "vectors/expiry.h"
#include "vectors/payload_index.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

class RowBuilder {
 public:
  // Vectors lie in `folder` where there are many of them, and in memory when it is empty.
  explicit RowBuilder(std::span<const Space> spaces, const std::filesystem::path& folder = {});

  // One for each space; none of them where the point has none there.
  struct Vector {
    std::span<const float> dense = {};
    const SparseVector* sparse = nullptr;
    const MultiVector* multi = nullptr;
  };
  // `seq` is larger than those before.
  void AddRow(int64_t seq, std::string_view id, const json::Value& payload, std::string_view text,
              std::span<const Vector> vectors, Expiry expires = kNoExpiry);
  void Kill(int64_t seq);
  // The rows get other spaces: each is the one of before that `from` says, or a new one in which no
  // row has a vector. After an exception nothing but the destructor may be called.
  void Arrange(std::span<const Space> spaces, std::span<const std::optional<size_t>> from,
               const std::filesystem::path& folder);

  std::shared_ptr<const View> Look();
  uint32_t rows() const { return rows_; }
  uint32_t dead() const { return rows_ - live_; }

 private:
  class Arena;
  // A bitmap that views share until it changes.
  class SharedBits {
   public:
    void Set(uint32_t row, uint32_t rows);
    std::shared_ptr<const Bitmap> Look();
    const Bitmap* get() const { return bits_.get(); }

   private:
    std::shared_ptr<Bitmap> bits_;
    bool shown_ = false;
  };
  void Expire(uint32_t row, Expiry expires);
  Expiry NextExpiry();

  struct SpaceRows {
    Space space;
    RowVectors rows;
    RowArray vectors;
    RowArray codes;
    SharedBits absent;
    BlockLadder<SparseBlock> sparse = {};
    RowArray spans = RowArray(sizeof(SpaceView::Span));
  };

  static SpaceRows NoRows(const Space& space, const std::filesystem::path& folder);
  static void AddTo(SpaceRows& space, uint32_t row, const Vector& vector);
  static void AddMulti(SpaceRows& space, const MultiVector& vectors);

  static void EncodeRow(const SpaceRows& space, const std::byte* row, std::byte* record);

  uint32_t rows_ = 0;
  uint32_t live_ = 0;
  RowArray slots_;
  std::shared_ptr<Arena> ids_;
  SharedBits dead_;
  std::vector<SpaceRows> spaces_;
  PayloadIndex payloads_;
  WordIndex words_;
  RowArray expiries_{sizeof(Expiry)};              // of every row; empty until one has an end
  std::vector<std::pair<Expiry, uint32_t>> ends_;  // a heap, the earliest on top; dead ones linger
};

}  // namespace weir::vectors
