#include "vectors/payload_index.h"

#include <utility>

namespace weir::vectors {

void PayloadIndex::Add(const json::Value& payload) {
  last_.Add(payload);
  if (last_.rows() < kGroupRows) return;
  groups_.push_back(std::make_shared<PayloadBlock>(last_.Build()));
  last_ = {};
  if (groups_.size() * kGroupRows < kBlockRows) return;
  PayloadBlock::Builder block;
  for (const auto& group : groups_) block.Append(*group);
  full_.push_back(std::make_shared<PayloadBlock>(block.Build()));
  groups_.clear();
}

std::vector<std::shared_ptr<const PayloadBlock>> PayloadIndex::Look() const {
  std::vector<std::shared_ptr<const PayloadBlock>> blocks;
  blocks.reserve(full_.size() + groups_.size() + 1);
  blocks.insert(blocks.end(), full_.begin(), full_.end());
  blocks.insert(blocks.end(), groups_.begin(), groups_.end());
  if (last_.rows() > 0) blocks.push_back(std::make_shared<PayloadBlock>(last_.Build()));
  return blocks;
}

}  // namespace weir::vectors
