// What searching costs on this machine with this space, learnt from the searches themselves: the
// choice between scan and graph is made by it. Any thread; a lost update does no harm.
#pragma once

#include <atomic>
#include <cstddef>

namespace weir::vectors {

class SearchCost {
 public:
  // What is believed before anything was measured.
  explicit SearchCost(size_t dimensions)
      : scan_ns_(static_cast<float>(dimensions) / 32 + 4),
        graph_ns_(static_cast<float>(dimensions) * 3 + 600),
        filtered_ns_(graph_ns_ * 2) {}

  void Scanned(size_t rows, double ns) { Learn(scan_ns_, rows, ns); }
  void Walked(size_t width, bool filtered, double ns) {
    Learn(filtered ? filtered_ns_ : graph_ns_, width, ns);
  }

  double ScanNs(size_t rows) const { return static_cast<double>(rows) * scan_ns_; }
  double WalkNs(size_t width, bool filtered) const {
    return static_cast<double>(width) * (filtered ? filtered_ns_ : graph_ns_);
  }

 private:
  static void Learn(std::atomic<float>& rate, size_t count, double ns) {
    // One that was interrupted says little about the next; small ones are mostly overhead.
    constexpr size_t kCountLeast = 32;
    if (count < kCountLeast) return;
    const float seen = static_cast<float>(ns / static_cast<double>(count));
    const float known = rate;
    rate = known + (seen > known * 4 ? known * 4 - known : seen - known) / 16;
  }

  std::atomic<float> scan_ns_;      // for each row
  std::atomic<float> graph_ns_;     // for each place in the beam
  std::atomic<float> filtered_ns_;  // the same among few of the rows
};

}  // namespace weir::vectors
