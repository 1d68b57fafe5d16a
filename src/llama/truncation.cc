#include "llama/truncation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace weir::llama {
namespace {

constexpr size_t kFirstCandidates = 256;
constexpr size_t kCandidateGrowth = 16;

double Probability(const Ranked& ranked, double log_mass) {
  return std::exp(static_cast<double>(ranked.logit) - log_mass);
}

double LogMass(const std::vector<Ranked>& kept) {
  double sum = 0;
  for (const Ranked& ranked : kept) {
    sum += std::exp(static_cast<double>(ranked.logit - kept.front().logit));
  }
  return static_cast<double>(kept.front().logit) + std::log(sum);
}

}  // namespace

Draw::Draw(const Truncation& truncation, uint32_t seed)
    : truncation_(truncation), seed_(seed), random_(seed) {
  mirostat_mu_ = 2 * truncation.mirostat_tau;
}

void Draw::Reseed(uint32_t seed) {
  seed_ = seed;
  random_.seed(seed);
}

// Of the generator's bits alone: the standard's distributions differ between libraries.
double Draw::Uniform() { return static_cast<double>(random_()) * 0x1p-32; }

int32_t Draw::From(std::span<const float> logits) {
  const Truncation& t = truncation_;
  if (t.temperature <= 0) {
    SelectTop(logits, 1, kept_);
    return kept_.empty() ? -1 : kept_.front().token;
  }
  if (t.mirostat != 0) return FromMirostat(logits);
  if (t.top_k == 0 && t.typical_p >= 1 && t.top_p >= 1 && t.min_p <= 0 && t.xtc_probability <= 0) {
    return FromAll(logits);
  }
  Candidates(logits);
  if (kept_.empty()) return -1;
  if (t.typical_p < 1) KeepTypical();
  if (t.top_p < 1) KeepTopP();
  if (t.min_p > 0) KeepMinP();
  if (t.xtc_probability > 0) ExcludeTop();
  return Pick();
}

// Nothing is cut off: one pass of exponentials, one walk.
int32_t Draw::FromAll(std::span<const float> logits) {
  const float peak = FindPeaks(logits).first;
  if (!std::isfinite(peak)) return -1;
  scratch_.resize(logits.size());
  const double sum = Exponentials(logits, peak, 1 / truncation_.temperature, scratch_);
  double left = Uniform() * sum;
  int32_t last = -1;
  for (size_t i = 0; i < scratch_.size(); ++i) {
    if (!(logits[i] > -std::numeric_limits<float>::infinity())) continue;
    last = static_cast<int32_t>(i);
    left -= static_cast<double>(scratch_[i]);
    if (left < 0) break;
  }
  return last;
}

// As few of the likeliest as the later steps can tell apart from all.
void Draw::Candidates(std::span<const float> logits) {
  const Truncation& t = truncation_;
  if (t.top_k > 0) {
    SelectTop(logits, static_cast<size_t>(t.top_k), kept_);
    if (!kept_.empty()) log_mass_ = LogMass(kept_);
    return;
  }
  const float peak = FindPeaks(logits).first;
  kept_.clear();
  if (!std::isfinite(peak)) return;
  log_mass_ = static_cast<double>(peak) + std::log(SumExponentials(logits, peak).sum);
  const bool all = t.typical_p < 1;
  for (size_t count = all ? logits.size() : kFirstCandidates;; count *= kCandidateGrowth) {
    SelectTop(logits, count, kept_);
    if (kept_.size() < count || kept_.size() == logits.size()) return;
    if (t.min_p > 0 && kept_.back().logit < peak + std::log(t.min_p)) return;
    if (t.top_p < 1) {
      double mass = 0;
      for (const Ranked& ranked : kept_) mass += Probability(ranked, log_mass_);
      if (mass >= static_cast<double>(t.top_p)) return;
    }
  }
}

// Locally typical sampling (arXiv 2202.00666): the tokens whose surprise is nearest to the entropy.
void Draw::KeepTypical() {
  double entropy = 0;
  for (const Ranked& ranked : kept_) {
    const double surprise = log_mass_ - static_cast<double>(ranked.logit);
    entropy += surprise * std::exp(-surprise);
  }
  const auto distance = [&](const Ranked& ranked) {
    return std::abs(log_mass_ - static_cast<double>(ranked.logit) - entropy);
  };
  std::sort(kept_.begin(), kept_.end(), [&](const Ranked& a, const Ranked& b) {
    return distance(a) != distance(b) ? distance(a) < distance(b) : a.token < b.token;
  });
  double mass = 0;
  size_t count = 0;
  while (count < kept_.size() && mass <= static_cast<double>(truncation_.typical_p)) {
    mass += Probability(kept_[count++], log_mass_);
  }
  kept_.resize(count);
  std::sort(kept_.begin(), kept_.end(), [](const Ranked& a, const Ranked& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  });
  log_mass_ = LogMass(kept_);
}

void Draw::KeepTopP() {
  double mass = 0;
  size_t count = 0;
  while (count < kept_.size() && (count == 0 || mass < static_cast<double>(truncation_.top_p))) {
    mass += Probability(kept_[count++], log_mass_);
  }
  kept_.resize(count);
}

void Draw::KeepMinP() {
  const float least = kept_.front().logit + std::log(truncation_.min_p);
  while (kept_.size() > 1 && kept_.back().logit < least) kept_.pop_back();
}

// Exclude top choices: sometimes all but the last of those above the threshold go.
void Draw::ExcludeTop() {
  if (truncation_.xtc_threshold > 0.5f || kept_.size() < 2) return;
  if (Uniform() > static_cast<double>(truncation_.xtc_probability)) return;
  const double log_mass = LogMass(kept_);
  size_t above = 0;
  while (above < kept_.size() &&
         Probability(kept_[above], log_mass) >= static_cast<double>(truncation_.xtc_threshold)) {
    ++above;
  }
  if (above >= 2) kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(above) - 1);
}

int32_t Draw::Pick() {
  scratch_.resize(kept_.size());
  double sum = 0;
  for (size_t i = 0; i < kept_.size(); ++i) {
    scratch_[i] = std::exp((kept_[i].logit - kept_.front().logit) / truncation_.temperature);
    sum += static_cast<double>(scratch_[i]);
  }
  double left = Uniform() * sum;
  for (size_t i = 0; i < kept_.size(); ++i) {
    left -= static_cast<double>(scratch_[i]);
    if (left < 0) return kept_[i].token;
  }
  return kept_.back().token;
}

// Mirostat (arXiv 2007.14966) keeps the surprise of the answer near tau. Version 1 estimates how
// many tokens that takes from the slope of the 100 likeliest, version 2 cuts at the surprise.
int32_t Draw::FromMirostat(std::span<const float> logits) {
  const float scale = 1 / truncation_.temperature;
  scratch_.assign(logits.begin(), logits.end());
  for (float& logit : scratch_) logit *= scale;
  const std::vector<float> scaled = std::move(scratch_);
  const float peak = FindPeaks(scaled).first;
  if (!std::isfinite(peak)) return -1;
  log_mass_ = static_cast<double>(peak) + std::log(SumExponentials(scaled, peak).sum);
  const auto surprise = [&](const Ranked& ranked) {
    return (log_mass_ - static_cast<double>(ranked.logit)) / std::numbers::ln2;
  };
  if (truncation_.mirostat == 1) {
    constexpr size_t kSlopeTokens = 100;
    SelectTop(scaled, kSlopeTokens, kept_);
    double products = 0;
    double squares = 0;
    for (size_t i = 0; i + 1 < kept_.size(); ++i) {
      const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
      products += t * static_cast<double>(kept_[i].logit - kept_[i + 1].logit);
      squares += t * t;
    }
    const double slope = squares > 0 ? std::max(products / squares, 1e-3) : 1;
    const double epsilon = slope - 1;
    const double n = static_cast<double>(logits.size());
    const double k = std::pow(
        std::abs(epsilon) < 1e-6
            ? std::exp2(static_cast<double>(mirostat_mu_)) / std::log(n)
            : epsilon * std::exp2(static_cast<double>(mirostat_mu_)) / (1 - std::pow(n, -epsilon)),
        1 / slope);
    const double most = std::clamp(std::isfinite(k) ? k : n, 1.0, n);
    SelectTop(scaled, static_cast<size_t>(most), kept_);
  } else {
    for (size_t count = kFirstCandidates;; count *= kCandidateGrowth) {
      SelectTop(scaled, count, kept_);
      if (kept_.size() < count || surprise(kept_.back()) > static_cast<double>(mirostat_mu_)) break;
    }
    while (kept_.size() > 1 && surprise(kept_.back()) > static_cast<double>(mirostat_mu_)) {
      kept_.pop_back();
    }
  }
  log_mass_ = LogMass(kept_);
  double left = Uniform();
  size_t chosen = kept_.size() - 1;
  for (size_t i = 0; i < kept_.size(); ++i) {
    left -= Probability(kept_[i], log_mass_);
    if (left < 0) {
      chosen = i;
      break;
    }
  }
  const float error = static_cast<float>(surprise(kept_[chosen])) - truncation_.mirostat_tau;
  mirostat_mu_ -= truncation_.mirostat_eta * error;
  return kept_[chosen].token;
}

}  // namespace weir::llama
