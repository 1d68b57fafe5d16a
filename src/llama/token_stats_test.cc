#include "llama/token_stats.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include "llama/logit_math.h"

namespace weir::llama {
namespace {

std::vector<float> RandomLogits(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = normal(random);
  return logits;
}

TEST(TokenStats, AgreesWithDoublePrecision) {
  for (const size_t count : {1u, 2u, 15u, 17u, 513u, 4097u, 151'936u}) {
    std::vector<float> logits = RandomLogits(count, 3);
    if (count > 20) logits[7] = -std::numeric_limits<float>::infinity();
    double peak = -1e300;
    for (const float x : logits) peak = std::max(peak, static_cast<double>(x));
    double sum = 0;
    for (const float x : logits) sum += std::exp(static_cast<double>(x) - peak);
    double entropy = 0;
    std::vector<double> probabilities;
    for (const float x : logits) {
      const double p = std::exp(static_cast<double>(x) - peak) / sum;
      probabilities.push_back(p);
      if (p > 0) entropy -= p * std::log(p);
    }
    std::sort(probabilities.rbegin(), probabilities.rend());
    const Token chosen = static_cast<Token>(count / 2);
    const TokenFacts facts = Measure(logits, chosen);
    const double logprob = static_cast<double>(logits[count / 2]) - peak - std::log(sum);
    EXPECT_NEAR(facts.logprob, logprob, 1e-5 * std::max(1.0, std::abs(logprob)));
    EXPECT_NEAR(facts.entropy, entropy, 1e-4);
    EXPECT_NEAR(facts.margin, probabilities[0] - (count > 1 ? probabilities[1] : 0), 1e-5);
    EXPECT_NEAR(Logprob(logits, chosen), logprob, 1e-5 * std::max(1.0, std::abs(logprob)));
  }
}

TEST(TokenStats, TopCandidatesAreTheLikeliestInOrder) {
  const std::vector<float> logits = RandomLogits(50'000, 5);
  const TokenFacts facts = Measure(logits, 0);
  const auto top = TopCandidates(logits, facts, 20);
  ASSERT_EQ(top.size(), 20u);
  std::vector<float> sorted = logits;
  std::sort(sorted.rbegin(), sorted.rend());
  for (size_t i = 0; i < top.size(); ++i) {
    EXPECT_EQ(logits[static_cast<size_t>(top[i].token)], sorted[i]);
    EXPECT_NEAR(top[i].logprob, sorted[i] - facts.log_sum, 1e-6);
  }
}

TEST(TokenStats, AnswersAreSummedUp) {
  AnswerStatistics statistics;
  EXPECT_EQ(statistics.Summary(), chat::AnswerStats{});
  statistics.Add({.logprob = -1, .entropy = 2, .margin = 0.5f});
  statistics.Add({.logprob = -3, .entropy = 4, .margin = 0.25f});
  const chat::AnswerStats stats = statistics.Summary();
  EXPECT_EQ(stats.tokens, 2);
  EXPECT_FLOAT_EQ(stats.logprob_mean, -2);
  EXPECT_FLOAT_EQ(stats.logprob_min, -3);
  EXPECT_FLOAT_EQ(stats.entropy_mean, 3);
  EXPECT_FLOAT_EQ(stats.entropy_max, 4);
  EXPECT_FLOAT_EQ(stats.margin_min, 0.25f);
}

TEST(LogitMath, SelectTopLeavesOutWhatIsForbidden) {
  const float never = -std::numeric_limits<float>::infinity();
  std::vector<Ranked> top;
  SelectTop(std::vector<float>{never, 1, std::nanf(""), 1, never}, 10, top);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].token, 1);
  EXPECT_EQ(top[1].token, 3);
  SelectTop(std::vector<float>(200, never), 10, top);
  EXPECT_TRUE(top.empty());
}

// Not a test of speed: prints it, for the record of a machine.
TEST(TokenStats, PrintsWhatAPassCosts) {
  const std::vector<float> logits = RandomLogits(151'936, 9);
  std::vector<Ranked> top;
  double facts_us = 1e9;
  double top_us = 1e9;
  float sink = 0;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    sink += Measure(logits, 5).entropy;
    const auto middle = std::chrono::steady_clock::now();
    SelectTop(logits, 40, top);
    const auto end = std::chrono::steady_clock::now();
    facts_us =
        std::min(facts_us, std::chrono::duration<double, std::micro>(middle - start).count());
    top_us = std::min(top_us, std::chrono::duration<double, std::micro>(end - middle).count());
  }
  EXPECT_GT(sink, 0);
  RecordProperty("facts_us", static_cast<int>(facts_us));
  std::printf("151,936 logits: facts %.0f us, 40 likeliest %.0f us\n", facts_us, top_us);
}

}  // namespace
}  // namespace weir::llama
