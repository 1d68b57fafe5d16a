// What a route is asked to reach, and who may go to the cloud for it.
//
// A share of the cloud is kept by a controller: it knows the predicted gains of the last requests,
// and lets those go up that are among the best of them, as many as the share allows. The share is a
// bound and not an average: over the last kWindow requests, and over the first ones too, never more
// than that went up.
//
// One thread. Nothing is kept over a restart: a new controller starts with the gains of the
// prediction's own data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace weir::routing {

class Predictor;

// In 1/10,000; at most one is set.
struct Goal {
  std::optional<int32_t> cloud_share_max = {};
  std::optional<int32_t> quality_min = {};  // least chance of a right answer
  bool any() const { return cloud_share_max || quality_min; }
  bool operator==(const Goal&) const = default;
};

class ShareKeeper {
 public:
  static constexpr size_t kWindow = 1000;
  static constexpr size_t kKnown = 50;  // requests until their own gains say where the threshold is

  explicit ShareKeeper(int32_t share_max) : share_max_(share_max) {}

  // Gains from here on are among the best share of what was seen.
  int32_t Threshold(const Predictor& predictor) const;
  // Whether one more keeps the bound.
  bool HasRoom() const;
  void Decided(int32_t gain, bool went_up);

  int32_t share_max() const { return share_max_; }

 private:
  struct Seen {
    int32_t gain = 0;
    bool up = false;
  };
  int32_t share_max_;
  std::deque<Seen> seen_ = {};  // newest at the end
  size_t up_ = 0;               // of seen_
};

}  // namespace weir::routing
