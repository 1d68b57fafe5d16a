// The payload blocks of a collection while rows are added: full blocks, groups of kGroupRows that
// will become one, and the rows that are not yet a group. A new row costs the indexing of at most
// kGroupRows rows, and each row is indexed again a few times in all. One thread; the blocks go
// anywhere.
#pragma once

#include <memory>
#include <vector>

#include "json/value.h"
#include "vectors/payload_block.h"

namespace weir::vectors {

class PayloadIndex {
 public:
  static constexpr size_t kGroupRows = 64;

  void Add(const json::Value& payload);
  std::vector<std::shared_ptr<const PayloadBlock>> Look() const;

 private:
  std::vector<std::shared_ptr<const PayloadBlock>> full_;
  std::vector<std::shared_ptr<const PayloadBlock>> groups_;
  PayloadBlock::Builder last_;
};

}  // namespace weir::vectors
