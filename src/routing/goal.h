// What a route is asked to reach, and who may go to the cloud for it.
//
// A share of the cloud is kept by a controller: it knows the predicted gains of the last requests,
// and lets those go up that are among the best of them, as many as the share allows. The share is a
// bound and not an average: over the last kWindow requests, and over the first ones too, never more
// than that went up.
//
// Money for a day is spread by a second one: from what is left of it, what a request costs and how
// many are still to come until midnight, it works out the share that the money lasts for. It never
// lets one go up that may cost more than is left. That the bound holds also for requests that run
// at the same time, and over a crash, is the ledger's work: the same money is reserved there.
//
// One thread. Nothing is kept over a restart but what the ledger keeps: a new controller starts
// with the gains of the prediction's own data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"

namespace weir::routing {

class Predictor;

// Pico (1e-12) of one currency, for each day in UTC.
struct CostPerDay {
  int64_t pico = 0;
  std::string currency = {};
  bool operator==(const CostPerDay&) const = default;
};

// Shares and chances in 1/10,000; at most one is set.
struct Goal {
  std::optional<int32_t> cloud_share_max = {};
  std::optional<int32_t> quality_min = {};  // least chance of a right answer
  std::optional<CostPerDay> cost_per_day_max = {};
  bool any() const { return cloud_share_max || quality_min || cost_per_day_max; }
  bool operator==(const Goal&) const = default;
};

// The predicted gains of the last requests of a route, and which of them went up.
class Gains {
 public:
  static constexpr size_t kWindow = 1000;
  static constexpr size_t kKnown = 50;  // requests until their own gains say where the threshold is

  struct Seen {
    int32_t gain = 0;
    bool up = false;
    WallTime time = {};
    int64_t cost = 0;  // that was expected of it in the cloud
  };

  // Gains from here on are among the best share (1/10,000) of what was seen.
  int32_t Threshold(const Predictor& predictor, int32_t share) const;
  void Add(const Seen& seen);
  const std::deque<Seen>& seen() const { return seen_; }  // newest at the end
  size_t up() const { return up_; }
  int64_t costs() const { return costs_; }  // the sum of them; held at the end of the range

 private:
  std::deque<Seen> seen_ = {};
  size_t up_ = 0;
  int64_t costs_ = 0;
};

class ShareKeeper {
 public:
  static constexpr size_t kWindow = Gains::kWindow;

  explicit ShareKeeper(int32_t share_max) : share_max_(share_max) {}

  int32_t Threshold(const Predictor& predictor) const {
    return gains_.Threshold(predictor, share_max_);
  }
  // Whether one more keeps the bound.
  bool HasRoom() const;
  void Decided(int32_t gain, bool went_up) { gains_.Add({.gain = gain, .up = went_up}); }

  int32_t share_max() const { return share_max_; }

 private:
  int32_t share_max_;
  Gains gains_ = {};
};

// The money of a route today, and what a request would take of it, in the goal's currency.
struct MoneyToday {
  WallTime now = {};
  int64_t gone = 0;  // spent since midnight, and what running requests may still cost
  std::optional<int64_t> expected = {};  // of this request in the cloud; nothing: unpriced
  std::optional<int64_t> most = {};      // that it can cost there
};

class CostKeeper {
 public:
  static constexpr int64_t kPicoMax = int64_t{1} << 60;  // of one request, in its sums

  explicit CostKeeper(int64_t per_day_max) : per_day_max_(per_day_max) {}

  // The share (1/10,000) of the requests from now to midnight that what is left pays for.
  int32_t Share(const MoneyToday& today) const;
  // Whether one more keeps the bound, whatever it turns out to cost.
  bool HasRoom(const MoneyToday& today) const;
  int32_t Threshold(const Predictor& predictor, const MoneyToday& today) const {
    return gains_.Threshold(predictor, Share(today));
  }
  void Decided(int32_t gain, bool went_up, const MoneyToday& today);

  int64_t per_day_max() const { return per_day_max_; }

 private:
  int64_t Left(const MoneyToday& today) const;

  int64_t per_day_max_;
  Gains gains_ = {};
};

}  // namespace weir::routing
