// The words of up to kLadderRows texts, turned round: for each term the rows that have it, and
// how often. Made once, never changed; any thread. Rows are numbered from 0 inside the block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::vectors {

class WordBlock {
 public:
  // Where a term stands.
  struct Hits {
    std::span<const uint16_t> rows;
    std::span<const uint8_t> times;  // 255 stands for that and more
    uint8_t times_most;
    uint32_t length_least;  // of the rows' texts: with it bounds what any of them can score
  };

  class Builder {
   public:
    // The next row.
    void Add(std::string_view text);
    // All rows of another block, as the next ones.
    void Append(const WordBlock& block);
    size_t rows() const { return lengths_.size(); }
    uint32_t LengthOf(size_t row) const { return lengths_[row]; }
    WordBlock Build() const;

   private:
    struct Entries {
      std::vector<uint16_t> rows;
      std::vector<uint8_t> times;
    };
    std::unordered_map<std::string, Entries> terms_;
    std::vector<uint32_t> lengths_;
  };

  size_t rows() const { return lengths_.size(); }
  // How many terms the text of a row has.
  uint32_t LengthOf(size_t row) const { return lengths_[row]; }
  std::optional<Hits> Find(std::string_view term) const;

 private:
  struct Term {
    uint32_t text;   // where it begins in texts_; it ends where the next begins
    uint32_t start;  // in rows_; likewise
    uint32_t length_least;
    uint8_t times_most;
  };
  std::string_view TextOf(size_t term) const {
    return std::string_view(texts_).substr(terms_[term].text,
                                           terms_[term + 1].text - terms_[term].text);
  }

  std::string texts_;
  std::vector<Term> terms_;  // in the order of texts, and one more at the end
  std::vector<uint16_t> rows_;
  std::vector<uint8_t> times_;
  std::vector<uint32_t> lengths_;
};

}  // namespace weir::vectors
