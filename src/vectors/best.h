// The best few of many: keeps the `capacity` smallest (distance, row) pairs that it was shown. Ties
// go to the earlier row, so that the same search gives the same answer. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace weir::vectors {

struct Candidate {
  float distance;
  uint32_t row;

  friend bool operator<(const Candidate& a, const Candidate& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  }
};

class Best {
 public:
  explicit Best(size_t capacity) : capacity_(capacity) { heap_.reserve(capacity); }

  // What is not below this needs not be shown.
  float worst() const { return worst_; }

  void Show(float distance, uint32_t row) {
    if (distance > worst_ || capacity_ == 0) return;
    const Candidate candidate{distance, row};
    if (heap_.size() < capacity_) {
      heap_.push_back(candidate);
      std::push_heap(heap_.begin(), heap_.end());
    } else if (candidate < heap_.front()) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = candidate;
      std::push_heap(heap_.begin(), heap_.end());
    }
    if (heap_.size() == capacity_) worst_ = heap_.front().distance;
  }

  // The best first. Empties this.
  std::vector<Candidate> Take() {
    std::sort_heap(heap_.begin(), heap_.end());
    worst_ = std::numeric_limits<float>::infinity();
    return std::move(heap_);
  }

 private:
  size_t capacity_;
  float worst_ = std::numeric_limits<float>::infinity();
  std::vector<Candidate> heap_;  // the worst on top
};

}  // namespace weir::vectors
