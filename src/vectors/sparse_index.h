// The sparse vectors of one space, turned round: for each index the rows that have a value there.
// Searches are exact. A block is made once and never changed; any thread reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/block_ladder.h"
#include "vectors/types.h"

namespace weir::vectors {

class SparseBlock {
 private:
  struct Entry {
    uint32_t index;
    uint16_t row;  // inside the block
    float value;
  };

 public:
  struct Hits {
    std::span<const uint16_t> rows;
    std::span<const float> values;
    float magnitude_most = 0;
  };

  class Builder {
   public:
    // The next row; null where it has no vector.
    void Add(const SparseVector* vector);
    // All rows of another block, as the next ones.
    void Append(const SparseBlock& block);
    size_t rows() const { return rows_; }
    SparseBlock Build() const;

   private:
    std::vector<Entry> entries_;
    size_t rows_ = 0;
  };

  size_t rows() const { return count_; }
  // Of an index that no row has a value at: nothing.
  Hits Find(uint32_t index) const;

 private:
  struct Term {
    uint32_t index;
    uint32_t start;  // in rows_; it ends where the next begins
    float magnitude_most;
  };

  size_t count_ = 0;
  std::vector<Term> terms_;  // in the order of indices, and one more at the end
  std::vector<uint16_t> rows_;
  std::vector<float> values_;
};

using SparseView = std::vector<BlockPart<SparseBlock>>;

// Which rows a search may find, and of how many rows the weights are (idf).
struct SparseAmong {
  const Bitmap* dead = nullptr;      // may be null
  const Bitmap* eligible = nullptr;  // null: all live rows
  bool idf = false;
  uint32_t live = 0;  // rows with a vector here
};

// The `count` rows of the largest inner products with the query, of those that have a value at one
// of its indices at least; the candidates' distance is the negative product. With idf each value of
// the query counts by how few live rows n of all N have its index: ln(1 + (N - n + .5)/(n + .5)).
std::vector<Candidate> SearchSparse(const SparseView& parts, const SparseVector& query,
                                    const SparseAmong& among, size_t count);

}  // namespace weir::vectors
