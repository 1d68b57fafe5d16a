// The words of all texts of a collection while rows are added, and the search in them. Blocks grow
// in steps: seven of one size and the next become one that is eight times as large, up to
// kWordBlockRows. So a new row costs the indexing of at most eight, and each is joined a few times.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/word_block.h"

namespace weir::vectors {

// What a search sees; shared and not changed any more.
struct WordView {
  struct Part {
    uint32_t first_row;
    std::shared_ptr<const WordBlock> block;
  };
  std::vector<Part> parts;
  uint32_t texts = 0;   // live rows that have any words
  uint64_t length = 0;  // of those texts together, in words
};

// The writing end. One thread.
class WordIndex {
 public:
  void Add(std::string_view text);
  // The row, which is not dead yet, is now.
  void Kill(uint32_t row);
  WordView Look() const;

 private:
  static constexpr size_t kFold = 8;
  static constexpr size_t kSizes = 4;  // 8, 64, 512 and 4,096 rows
  static_assert(kFold * kFold * kFold * kFold == kWordBlockRows);

  std::array<std::vector<std::shared_ptr<const WordBlock>>, kSizes> blocks_;  // small to large
  WordBlock::Builder last_;
  std::vector<uint32_t> lengths_;  // of every row
  uint32_t texts_ = 0;
  uint64_t length_ = 0;
};

// BM25 (k1 1.2, b 0.75), with the counts of the live rows: the `count` best of those that have any
// term of the query, as candidates whose distance is the negative score. `dead` may be null;
// `eligible` too: all live rows are then. Pure; any thread.
std::vector<Candidate> SearchWords(const WordView& words, std::string_view query,
                                   const Bitmap* dead, const Bitmap* eligible, size_t count);

}  // namespace weir::vectors
