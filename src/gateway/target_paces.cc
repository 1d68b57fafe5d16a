#include "gateway/target_paces.h"

#include <algorithm>
#include <cmath>

namespace weir::gateway {
namespace {

constexpr double kFades = 0.8;           // of what was known, with each answer
constexpr int64_t kTokensToMeasure = 4;  // of fewer the time is mostly something else
constexpr double kRateUnit = 1e6;        // tokens a ms, in tokens in 1,000 s
constexpr double kMost = 1e12;           // of any figure, so that it is a whole number

}  // namespace

void TargetPaces::Ratio::Add(double amount, double over) {
  if (!(over > 0) || !(amount >= 0)) return;
  amount_ = amount_ * kFades + amount;
  over_ = over_ * kFades + over;
}

std::optional<int64_t> TargetPaces::Ratio::Times(double unit) const {
  if (over_ <= 0) return std::nullopt;
  return std::llround(std::clamp(amount_ / over_ * unit, 0.0, kMost));
}

TargetPaces::Figures& TargetPaces::Of(const std::string& target) {
  // Names come from the configuration and the store; they may change while the program runs.
  if (targets_.size() >= kTargetsMax && !targets_.contains(target)) targets_.clear();
  return targets_[target];
}

void TargetPaces::Answered(const std::string& target, const chat::Done& done, size_t open) {
  Figures& figures = Of(target);
  const int64_t prompt =
      done.usage.prompt_tokens.value_or(0) - done.usage.cached_tokens.value_or(0);
  const int64_t answer = done.usage.completion_tokens.value_or(0);
  if (prompt >= kTokensToMeasure) {
    figures.prefill.Add(static_cast<double>(prompt), done.prompt_ms);
  }
  if (answer >= kTokensToMeasure) {
    figures.decode.Add(static_cast<double>(answer), done.decode_ms);
  }
  if (done.usage.completion_tokens) figures.answer.Add(static_cast<double>(answer), 1);
  if (open > 0) figures.queue.Add(std::max(done.queue_ms, 0.0), static_cast<double>(open));
}

void TargetPaces::Answered(const std::string& target, const chat::Usage& usage, Duration first,
                           Duration whole) {
  Figures& figures = Of(target);
  const int64_t answer = usage.completion_tokens.value_or(0);
  figures.first.Add(Milliseconds(first), 1);
  if (answer >= kTokensToMeasure) {
    figures.decode.Add(static_cast<double>(answer), Milliseconds(whole - first));
  }
  if (usage.completion_tokens) figures.answer.Add(static_cast<double>(answer), 1);
}

routing::Speed TargetPaces::RatesOf(const Figures& figures) {
  return {.first_ms = figures.first.Times(1),
          .prefill_rate = figures.prefill.Times(kRateUnit),
          .decode_rate = figures.decode.Times(kRateUnit),
          .answer_tokens = figures.answer.Times(1)};
}

routing::Speed TargetPaces::SpeedOf(const std::string& target,
                                    const backends::Residence& residence) const {
  const auto found = targets_.find(target);
  routing::Speed speed = found == targets_.end() ? routing::Speed() : RatesOf(found->second);
  if (residence.load) speed.load_ms = std::llround(Milliseconds(*residence.load));
  if (residence.open == 0) {
    speed.queue_ms = 0;
  } else if (found != targets_.end()) {
    speed.queue_ms = found->second.queue.Times(static_cast<double>(residence.open));
  }
  return speed;
}

routing::Speed TargetPaces::SpeedOf(const std::string& target) const {
  const auto found = targets_.find(target);
  return found == targets_.end() ? routing::Speed() : RatesOf(found->second);
}

}  // namespace weir::gateway
