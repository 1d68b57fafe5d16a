// A navigable small-world graph (HNSW, Malkov and Yashunin) over the rows of one space, and the
// search in it by 8-bit codes. Covers rows from 0 up to rows(); what came later is scanned beside
// it. Rows that were dead or without a vector when it was built have no links and are never met.
//
// A Graph is not changed any more once GraphBuilder has given it away: any thread may search it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/codes.h"
#include "vectors/row_array.h"

namespace weir::vectors {

class Graph {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr uint32_t kLinks = 16;  // on upper levels; twice as many on the lowest
  static constexpr uint32_t kBaseLinks = 2 * kLinks;
  static constexpr int kLevelsMax = 16;

  uint32_t rows() const { return static_cast<uint32_t>(levels_.size()); }
  // Where every search begins; kNone while there is no row in it.
  uint32_t entry() const { return entry_; }
  // The highest level that the row is on; -1 for one that is not in the graph.
  int LevelOf(uint32_t row) const { return levels_[row]; }
  std::span<const uint32_t> LinksOf(uint32_t row, int level) const {
    const uint32_t* list = ListOf(row, level);
    return {list + 1, list[0]};
  }

  // The same graph with rows renamed: now[row] is the new number of a row, or kNone where it is
  // gone. Who was linked by way of a row that is gone is linked directly, as far as there is room.
  Graph Renamed(std::span<const uint32_t> now, uint32_t rows) const;

  // Bytes as they go into a file, and the way back. False when they cannot be of a graph: every
  // link is checked.
  std::vector<std::byte> Pack() const;
  bool Unpack(std::span<const std::byte> bytes);

 private:
  friend class GraphBuilder;

  const uint32_t* ListOf(uint32_t row, int level) const {
    return level == 0 ? &base_[size_t{row} * (kBaseLinks + 1)]
                      : &upper_[upper_at_[row] + static_cast<size_t>(level - 1) * (kLinks + 1)];
  }
  uint32_t* ListOf(uint32_t row, int level) {
    return const_cast<uint32_t*>(static_cast<const Graph*>(this)->ListOf(row, level));
  }
  // Appends a row that is on `level`, without links.
  void AppendRow(int level);

  uint32_t entry_ = kNone;
  std::vector<int8_t> levels_;
  std::vector<uint32_t> base_;      // for each row a count and room for kBaseLinks rows
  std::vector<uint32_t> upper_at_;  // where a row's lists of the upper levels begin
  std::vector<uint32_t> upper_;
};

// Which rows a search has met. Beginning anew costs nothing but every 65,535th time.
class Visited {
 public:
  void Begin(uint32_t rows) {
    if (marks_.size() < rows) marks_.resize(rows);
    if (++epoch_ != 0) return;
    std::fill(marks_.begin(), marks_.end(), 0);
    epoch_ = 1;
  }
  // True for the first time.
  bool Mark(uint32_t row) {
    if (marks_[row] == epoch_) return false;
    marks_[row] = epoch_;
    return true;
  }
  void Prefetch(uint32_t row) const { __builtin_prefetch(&marks_[row]); }

 private:
  std::vector<uint16_t> marks_;
  uint16_t epoch_ = 0;
};

// The nearest rows seen so far, sorted, each expanded once.
class Beam {
 public:
  struct Entry {
    float distance;
    uint32_t row;
    bool expanded;
  };

  void Begin(size_t capacity) {
    capacity_ = capacity;
    entries_.clear();
    entries_.reserve(capacity + 1);
    next_ = 0;
  }
  bool Takes(float distance) const {
    return entries_.size() < capacity_ || distance < entries_.back().distance;
  }
  void Add(float distance, uint32_t row);
  // The nearest one that was not expanded yet, or kNone.
  uint32_t Expand();
  // The one that Expand is likely to give next.
  uint32_t Next() const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  size_t capacity_ = 0;
  size_t next_ = 0;  // all before it are expanded
  std::vector<Entry> entries_;
};

// One search: a beam of `width` over the eligible rows of the graph (null: all are). Every one that
// it meets is shown to `best`. How many those are.
size_t SearchGraph(const Graph& graph, const RowArray::View& codes, const CodeQuery& query,
                   const Bitmap* eligible, size_t width, Best& best);

}  // namespace weir::vectors
