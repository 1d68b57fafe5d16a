// Makes a Graph, or a longer one from a shorter: rows are inserted by as many threads as are given,
// then whoever cannot be reached is linked in. Two builds with one thread give the same graph.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "vectors/graph.h"
#include "vectors/types.h"

namespace weir::vectors {

class GraphBuilder {
 public:
  // How many candidates an insertion looks at.
  static constexpr size_t kBuildWidth = 100;

  // Begins with a copy of `graph`; `codes` are of the whole space.
  GraphBuilder(const Graph& graph, RowArray::View codes, Metric metric, size_t dimensions);
  ~GraphBuilder();

  // Rows from the graph's end up to `rows`, without those of `left_out`. False when `stop` became
  // true; the builder is then of no more use.
  bool Extend(uint32_t rows, const Bitmap& left_out, size_t threads, const std::atomic<bool>& stop);
  Graph Take() { return std::move(graph_); }

 private:
  struct Worker;
  class RowLock;

  void Insert(Worker& worker, uint32_t row);
  void Link(Worker& worker, uint32_t row, int level);
  void AddLink(Worker& worker, uint32_t to, uint32_t row, int level);
  void Choose(Worker& worker, std::vector<Candidate>& candidates, size_t room) const;
  void LinkTheUnreached(Worker& worker, uint32_t rows);
  bool GiveRoom(Worker& worker, uint32_t row);

  Graph graph_;
  RowArray::View codes_;
  Metric metric_;
  size_t dimensions_;
  std::unique_ptr<std::atomic<uint8_t>[]> locks_;
  std::atomic<uint8_t> entry_lock_ = 0;
  std::atomic<uint32_t> entry_;
};

}  // namespace weir::vectors
