#include "llama/distributions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "llama/token_stats.h"

namespace weir::llama {
namespace {

std::vector<float> LogitsOf(const std::vector<double>& probabilities, double shift = 0) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p) + shift));
  return logits;
}

Apart Between(const std::vector<float>& base, const std::vector<float>& other) {
  std::vector<float> scratch;
  return Compare(base, other, scratch);
}

TEST(Distributions, PerplexityIsTheNumberOfEquallyLikelyTokens) {
  const auto logits = LogitsOf(std::vector<double>(8, 1.0 / 8), 3);
  Moments surprise;
  for (Token token = 0; token < 8; ++token)
    surprise.Add(-static_cast<double>(Logprob(logits, token)));
  EXPECT_NEAR(Perplexity(surprise), 8, 1e-5);
  EXPECT_NEAR(PerplexityError(surprise), 0, 1e-2);
}

TEST(Distributions, PerplexityOfGivenProbabilities) {
  // Two tokens, of probability 1/2 and 1/8: e^((ln 2 + ln 8) / 2) = 4.
  const auto logits = LogitsOf({0.5, 0.125, 0.375}, -2);
  Moments surprise;
  surprise.Add(-static_cast<double>(Logprob(logits, 0)));
  surprise.Add(-static_cast<double>(Logprob(logits, 1)));
  EXPECT_NEAR(Perplexity(surprise), 4, 1e-5);
  // The values lie ln 2 from their mean on either side, and there are two: error ln 2.
  EXPECT_NEAR(surprise.Error(), std::log(2.0), 1e-6);
  EXPECT_NEAR(PerplexityError(surprise), 4 * std::log(2.0), 1e-5);
}

TEST(Distributions, NothingSaysNothing) {
  EXPECT_EQ(Moments().Mean(), 0);
  EXPECT_EQ(Moments().Error(), 0);
  Moments one;
  one.Add(7);
  EXPECT_EQ(one.Mean(), 7);
  EXPECT_EQ(one.Error(), 0);
}

TEST(Distributions, DivergenceOfGivenProbabilities) {
  // 0.5 ln(0.5 / 0.25) + 0.5 ln(0.5 / 0.75)
  const double known = 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3);
  const Apart apart = Between(LogitsOf({0.5, 0.5}, 1), LogitsOf({0.25, 0.75}, -4));
  EXPECT_NEAR(apart.divergence, known, 1e-6);
  EXPECT_FALSE(apart.same_top) << "the first of two equal ones counts";
  EXPECT_TRUE(Between(LogitsOf({0.3, 0.7}), LogitsOf({0.4, 0.6})).same_top);
}

TEST(Distributions, ADistributionIsNotApartFromItself) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 5);
  std::vector<float> logits(50'000);
  for (float& logit : logits) logit = normal(random);
  const Apart apart = Between(logits, logits);
  EXPECT_NEAR(apart.divergence, 0, 1e-9);
  EXPECT_TRUE(apart.same_top);
  std::vector<float> shifted = logits;
  for (float& logit : shifted) logit += 2;
  EXPECT_NEAR(Between(logits, shifted).divergence, 0, 1e-6) << "a shift changes no probability";
}

TEST(Distributions, DivergenceIsThatOfTheDefinition) {
  std::mt19937 random(8);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> base(1000);
  std::vector<float> other(1000);
  for (size_t i = 0; i < base.size(); ++i) {
    base[i] = normal(random);
    other[i] = base[i] + 0.3f * normal(random);
  }
  double known = 0;
  for (size_t i = 0; i < base.size(); ++i) {
    const auto token = static_cast<Token>(i);
    const double p = Logprob(base, token);
    known += std::exp(p) * (p - static_cast<double>(Logprob(other, token)));
  }
  EXPECT_NEAR(Between(base, other).divergence, known, 1e-5);
  EXPECT_GT(known, 0.01);
}

TEST(Distributions, WhatIsForbiddenMakesNothingInfinite) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const Apart forbidden = Between({0, 0, kNever}, {0, 0, 0});
  EXPECT_NEAR(forbidden.divergence, std::log(1.5), 1e-6);
  const Apart alone = Between({0, 0}, {0, kNever});
  EXPECT_NEAR(alone.divergence, 0.5 * 87 - std::log(2.0), 1e-4);
  const Apart neither = Between({0, kNever}, {0, kNever});
  EXPECT_NEAR(neither.divergence, 0, 1e-9);
  EXPECT_TRUE(std::isnan(Between({0, 0}, {0, std::nanf("")}).divergence));
}

}  // namespace
}  // namespace weir::llama
