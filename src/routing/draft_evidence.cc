#include "routing/draft_evidence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

#include "base/check.h"
#include "base/fnv.h"
#include "routing/draft_check.h"

namespace weir::routing {
namespace {

constexpr std::array<std::string_view, 9> kNames = {"logprob_mean", "logprob_min", "logprob_q10",
                                                    "logprob_q25",  "margin_mean", "margin_min",
                                                    "margin_q10",   "margin_q25",  "fresh"};
constexpr int64_t kWhole = 1'000;

int32_t MarginMilli(const chat::TokenLogprob& token) {
  const auto chance = [&](size_t place) {
    return place < token.top.size() ? std::exp(static_cast<double>(token.top[place].logprob)) : 0.0;
  };
  const double margin = chance(0) - chance(1);
  return std::isnan(margin)
             ? 0
             : static_cast<int32_t>(std::llround(std::clamp(margin, 0.0, 1.0) * kWhole));
}

int32_t Quantile(std::vector<int32_t>& values, size_t percent) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) * percent / 100);
  std::ranges::nth_element(values, at);
  return *at;
}

int32_t Mean(const std::vector<int32_t>& values) {
  int64_t sum = 0;
  for (const int32_t value : values) sum += value;
  return static_cast<int32_t>(sum / std::ssize(values));  // toward zero
}

}  // namespace

std::string_view DraftSignalName(DraftSignal signal) { return kNames[static_cast<size_t>(signal)]; }

std::optional<DraftSignal> DraftSignalFromName(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<DraftSignal>(found - kNames.begin());
}

void DraftEvidence::Add(const chat::TokenLogprob& token) {
  tokens_.push_back({.logprob_milli = LikelihoodMilli(static_cast<double>(
                         token.logprob.value_or(-std::numeric_limits<float>::infinity()))),
                     .margin_milli = MarginMilli(token),
                     .text = Fnv1a().Add(std::string_view(token.bytes)).value()});
}

int32_t DraftEvidence::Fresh(size_t count) const {
  std::set<std::tuple<uint64_t, uint64_t, uint64_t>> seen;
  int64_t again = 0;
  for (size_t i = 2; i < count; ++i) {
    const bool is_new =
        seen.emplace(tokens_[i - 2].text, tokens_[i - 1].text, tokens_[i].text).second;
    again += is_new ? 0 : 1;
  }
  return static_cast<int32_t>(kWhole - kWhole * again / static_cast<int64_t>(count));
}

int32_t DraftEvidence::Value(DraftSignal signal, size_t count) const {
  const size_t known = count == 0 ? tokens_.size() : std::min(count, tokens_.size());
  if (known == 0) return LikelihoodMilli(-std::numeric_limits<double>::infinity());
  if (signal == DraftSignal::kFresh) return Fresh(known);
  const bool margins = signal >= DraftSignal::kMarginMean;
  std::vector<int32_t> values;
  values.reserve(known);
  for (size_t i = 0; i < known; ++i) {
    values.push_back(margins ? tokens_[i].margin_milli : tokens_[i].logprob_milli);
  }
  switch (signal) {
    case DraftSignal::kLogprobMean:
    case DraftSignal::kMarginMean:
      return Mean(values);
    case DraftSignal::kLogprobMin:
    case DraftSignal::kMarginMin:
      return std::ranges::min(values);
    case DraftSignal::kLogprobQ10:
    case DraftSignal::kMarginQ10:
      return Quantile(values, 10);
    case DraftSignal::kLogprobQ25:
    case DraftSignal::kMarginQ25:
      return Quantile(values, 25);
    case DraftSignal::kFresh:
      break;
  }
  CHECK(false, "a signal has a value");
}

}  // namespace weir::routing
