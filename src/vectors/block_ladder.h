// Rows that are indexed in blocks while they are added. Blocks grow in steps: seven of one size and
// the next become one that is eight times as large, up to kLadderRows. So a new row costs the
// indexing of at most eight, and each is joined a few times. A Block is made once and not changed
// any more; its Builder has rows(), Append(Block) and Build(). One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace weir::vectors {

inline constexpr size_t kLadderRows = 4'096;

// A block, and which row of the collection its first one is.
template <class Block>
struct BlockPart {
  uint32_t first_row;
  std::shared_ptr<const Block> block;
};

template <class Block>
class BlockLadder {
 public:
  // Takes the next row; Grown has to follow.
  typename Block::Builder& last() { return last_; }
  void Grown() {
    if (last_.rows() < kFold) return;
    blocks_[0].push_back(std::make_shared<Block>(last_.Build()));
    last_ = {};
    for (size_t size = 0; size + 1 < kSizes && blocks_[size].size() == kFold; ++size) {
      typename Block::Builder joined;
      for (const auto& block : blocks_[size]) joined.Append(*block);
      blocks_[size + 1].push_back(std::make_shared<Block>(joined.Build()));
      blocks_[size].clear();
    }
  }
  // All rows.
  std::vector<BlockPart<Block>> Look() const {
    std::vector<BlockPart<Block>> parts;
    uint32_t row = 0;
    const auto add = [&](const std::shared_ptr<const Block>& block) {
      parts.push_back({row, block});
      row += static_cast<uint32_t>(block->rows());
    };
    for (size_t size = kSizes; size-- > 0;) {
      for (const auto& block : blocks_[size]) add(block);
    }
    if (last_.rows() > 0) add(std::make_shared<Block>(last_.Build()));
    return parts;
  }

 private:
  static constexpr size_t kFold = 8;
  static constexpr size_t kSizes = 4;  // 8, 64, 512 and 4,096 rows
  static_assert(kFold * kFold * kFold * kFold == kLadderRows);

  std::array<std::vector<std::shared_ptr<const Block>>, kSizes> blocks_;  // small to large
  typename Block::Builder last_;
};

}  // namespace weir::vectors
