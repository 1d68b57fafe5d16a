// The words of all texts of a collection while rows are added, and the search in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/block_ladder.h"
#include "vectors/word_block.h"

namespace weir::vectors {

// What a search sees; shared and not changed any more.
struct WordView {
  using Part = BlockPart<WordBlock>;
  std::vector<Part> parts;
  uint32_t texts = 0;   // live rows that have any words
  uint64_t length = 0;  // of those texts together, in words

  // As if these live rows were dead.
  void LeaveOut(const Bitmap& rows);
};

// The writing end. One thread.
class WordIndex {
 public:
  void Add(std::string_view text);
  // The row, which is not dead yet, is now.
  void Kill(uint32_t row);
  WordView Look() const;

 private:
  BlockLadder<WordBlock> blocks_;
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
