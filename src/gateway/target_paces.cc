#include "gateway/target_paces.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace weir::gateway {
namespace {

constexpr double kFades = 0.8;           // of what was known, with each answer
constexpr int64_t kTokensToMeasure = 4;  // of fewer the time is mostly something else
constexpr double kFastest = 20;          // tokens a ms: no provider streams faster
constexpr double kRateUnit = 1e6;        // tokens a ms, in tokens in 1,000 s
constexpr double kMost = 1e12;           // of any figure, so that it is a whole number

using Ratio = history::Pace::Ratio;

void Add(Ratio& ratio, double amount, double over) {
  if (!(over > 0) || !(amount >= 0)) return;
  ratio.amount = ratio.amount * kFades + amount;
  ratio.over = ratio.over * kFades + over;
}

// Rounded, times `unit`; nothing before something was added.
std::optional<int64_t> Times(const Ratio& ratio, double unit) {
  if (ratio.over <= 0) return std::nullopt;
  return std::llround(std::clamp(ratio.amount / ratio.over * unit, 0.0, kMost));
}

bool IsFigure(const Ratio& ratio) {
  return std::isfinite(ratio.amount) && std::isfinite(ratio.over) && ratio.amount >= 0 &&
         ratio.over >= 0;
}

routing::Speed RatesOf(const history::Pace& pace) {
  return {.first_ms = Times(pace.first, 1),
          .prefill_rate = Times(pace.prefill, kRateUnit),
          .decode_rate = Times(pace.decode, kRateUnit),
          .answer_tokens = Times(pace.answer, 1)};
}

}  // namespace

history::Pace& TargetPaces::Of(const routing::Target& target) {
  // Names come from the configuration and the store; they may change while the program runs.
  if (targets_.size() >= kTargetsMax && !targets_.contains(target.name)) targets_.clear();
  history::Pace& pace = targets_[target.name];
  if (pace.model != target.model) pace = {.target = target.name, .model = target.model};
  return pace;
}

const history::Pace* TargetPaces::Find(const routing::Target& target) const {
  const auto found = targets_.find(target.name);
  return found == targets_.end() || found->second.model != target.model ? nullptr : &found->second;
}

void TargetPaces::Take(history::Pace pace) {
  if (targets_.size() >= kTargetsMax) return;
  for (Ratio* ratio : {&pace.prefill, &pace.decode, &pace.queue, &pace.first, &pace.answer}) {
    if (!IsFigure(*ratio)) *ratio = {};
  }
  if (pace.load_ms && *pace.load_ms < 0) pace.load_ms.reset();
  const std::string target = pace.target;
  targets_.insert_or_assign(target, std::move(pace));
}

const history::Pace& TargetPaces::Answered(const routing::Target& target, const chat::Done& done,
                                           size_t open, std::optional<Duration> load) {
  history::Pace& pace = Of(target);
  const int64_t prompt =
      done.usage.prompt_tokens.value_or(0) - done.usage.cached_tokens.value_or(0);
  const int64_t answer = done.usage.completion_tokens.value_or(0);
  if (prompt >= kTokensToMeasure) Add(pace.prefill, static_cast<double>(prompt), done.prompt_ms);
  if (answer >= kTokensToMeasure) Add(pace.decode, static_cast<double>(answer), done.decode_ms);
  if (done.usage.completion_tokens) Add(pace.answer, static_cast<double>(answer), 1);
  if (open > 0) Add(pace.queue, std::max(done.queue_ms, 0.0), static_cast<double>(open));
  if (load) pace.load_ms = std::llround(Milliseconds(*load));
  return pace;
}

const history::Pace& TargetPaces::Answered(const routing::Target& target, const chat::Usage& usage,
                                           Duration first, Duration whole) {
  history::Pace& pace = Of(target);
  const auto answer = static_cast<double>(usage.completion_tokens.value_or(0));
  // In one piece it began when nobody could see it: as long after the question as others, and where
  // there were none, at once.
  const bool one_piece = answer > kFastest * Milliseconds(whole - first);
  const double began =
      one_piece ? static_cast<double>(Times(pace.first, 1).value_or(0)) : Milliseconds(first);
  if (!one_piece || pace.first.over <= 0) Add(pace.first, began, 1);
  if (answer >= kTokensToMeasure) Add(pace.decode, answer, Milliseconds(whole) - began);
  if (usage.completion_tokens) Add(pace.answer, answer, 1);
  return pace;
}

routing::Speed TargetPaces::SpeedOf(const routing::Target& target,
                                    const backends::Residence& residence) const {
  const history::Pace* pace = Find(target);
  routing::Speed speed = pace == nullptr ? routing::Speed() : RatesOf(*pace);
  if (residence.load) {
    speed.load_ms = std::llround(Milliseconds(*residence.load));
  } else if (pace != nullptr) {
    speed.load_ms = pace->load_ms;  // as long as in the last program
  }
  if (residence.open == 0) {
    speed.queue_ms = 0;
  } else if (pace != nullptr) {
    speed.queue_ms = Times(pace->queue, static_cast<double>(residence.open));
  }
  return speed;
}

routing::Speed TargetPaces::SpeedOf(const routing::Target& target) const {
  const history::Pace* pace = Find(target);
  return pace == nullptr ? routing::Speed() : RatesOf(*pace);
}

}  // namespace weir::gateway
