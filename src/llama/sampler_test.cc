#include "llama/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "llama/test_models.h"
#include "llama/truncation.h"

namespace weir::llama {
namespace {

using ::testing::HasSubstr;
using testing::RandomPath;

// Probabilities 0.5, 0.3, 0.15, 0.05.
const std::vector<float> kFour = {std::log(0.15f), std::log(0.5f), std::log(0.05f), std::log(0.3f)};

Truncation Plain() {
  return {.temperature = 1, .top_k = 0, .typical_p = 1, .top_p = 1, .min_p = 0};
}

std::map<int32_t, int> Drawn(const Truncation& truncation, const std::vector<float>& logits,
                             int count = 4000) {
  Draw draw(truncation, 11);
  std::map<int32_t, int> counts;
  for (int i = 0; i < count; ++i) ++counts[draw.From(logits)];
  return counts;
}

TEST(Draw, FollowsTheProbabilities) {
  const auto counts = Drawn(Plain(), kFour);
  EXPECT_NEAR(counts.at(1) / 4000.0, 0.5, 0.03);
  EXPECT_NEAR(counts.at(3) / 4000.0, 0.3, 0.03);
  EXPECT_NEAR(counts.at(0) / 4000.0, 0.15, 0.03);
  EXPECT_NEAR(counts.at(2) / 4000.0, 0.05, 0.03);
}

TEST(Draw, EachSettingCutsWhereItSays) {
  Truncation t = Plain();
  t.temperature = 0;
  EXPECT_EQ(Drawn(t, kFour).size(), 1u);
  t = Plain();
  t.top_k = 2;
  EXPECT_EQ(Drawn(t, kFour).size(), 2u);
  t = Plain();
  t.top_p = 0.79f;
  EXPECT_EQ(Drawn(t, kFour).size(), 2u);
  t.top_p = 0.81f;
  EXPECT_EQ(Drawn(t, kFour).size(), 3u);
  t = Plain();
  t.min_p = 0.25f;
  EXPECT_EQ(Drawn(t, kFour).size(), 3u);
  t = Plain();
  t.typical_p = 0.2f;
  // Entropy 1.14: the token of probability 0.3 has the nearest surprise.
  EXPECT_EQ(Drawn(t, kFour).begin()->first, 3);
  t = Plain();
  t.xtc_probability = 1;
  t.xtc_threshold = 0.1f;
  // Of the three above 0.1 the least likely stays, and what is below.
  const auto xtc = Drawn(t, kFour);
  EXPECT_FALSE(xtc.contains(1));
  EXPECT_FALSE(xtc.contains(3));
  EXPECT_TRUE(xtc.contains(0));
}

TEST(Draw, TemperatureSharpensAndFlattens) {
  Truncation t = Plain();
  t.temperature = 0.25f;
  EXPECT_GT(Drawn(t, kFour).at(1), 3400);
  t.temperature = 10;
  EXPECT_LT(Drawn(t, kFour).at(1), 1300);
}

TEST(Draw, MirostatDrawsAndSettles) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = -std::log(static_cast<float>(i + 1));
  for (const int version : {1, 2}) {
    Truncation t = Plain();
    t.mirostat = version;
    t.mirostat_tau = 3;
    Draw draw(t, 5);
    double surprise = 0;
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    for (int i = 0; i < 3000; ++i) {
      const int32_t token = draw.From(logits);
      surprise -= (static_cast<double>(logits[static_cast<size_t>(token)]) - std::log(sum)) /
                  std::log(2.0) / 3000;
    }
    EXPECT_GT(surprise, 1.5) << version;
    EXPECT_LT(surprise, 6) << version;
  }
}

TEST(Draw, NothingAllowedIsNoToken) {
  const std::vector<float> none(4, -std::numeric_limits<float>::infinity());
  for (const int32_t top_k : {0, 40}) {
    Truncation t;
    t.top_k = top_k;
    EXPECT_EQ(Draw(t, 1).From(none), -1);
  }
  EXPECT_EQ(Draw(Plain(), 1).From(none), -1);
}

std::vector<float> Logits(const Model& model, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(static_cast<size_t>(model.vocabulary().size()));
  for (float& logit : logits) logit = normal(random);
  return logits;
}

std::vector<Token> Sequence(Sampler& sampler, const Model& model, int count) {
  std::vector<Token> tokens;
  for (int i = 0; i < count; ++i) {
    tokens.push_back(*sampler.Next(Logits(model, static_cast<uint32_t>(i))));
  }
  return tokens;
}

TEST(Sampler, TheSameSeedGivesTheSameTokensAndForksDiffer) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  chat::Sampling sampling;
  sampling.seed = 42;
  sampling.top_k = 0;
  sampling.min_p = 0.0f;
  auto a = Sampler::Create(model, sampling, nullptr, 1);
  auto b = Sampler::Create(model, sampling, nullptr, 2);
  ASSERT_TRUE(a && b);
  auto fork1 = (*a)->Clone(1);
  auto fork0 = (*a)->Clone(0);
  const auto tokens = Sequence(**a, model, 20);
  EXPECT_EQ(tokens, Sequence(**b, model, 20));
  EXPECT_EQ(tokens, Sequence(*fork0, model, 20));
  EXPECT_NE(tokens, Sequence(*fork1, model, 20));
}

TEST(Sampler, BiasesPenaltiesAndForcedTokensCount) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  std::vector<float> logits(static_cast<size_t>(model.vocabulary().size()), 0.0f);
  logits[100] = 5;
  logits[101] = 4;
  chat::Sampling sampling;
  sampling.temperature = 0.0f;
  sampling.logit_bias = {{100, -100.0f}};
  EXPECT_EQ(*(*Sampler::Create(model, sampling, nullptr, 1))->Next(logits), 101);
  sampling.logit_bias = {{102, 10.0f}};
  EXPECT_EQ(*(*Sampler::Create(model, sampling, nullptr, 1))->Next(logits), 102);
  sampling.logit_bias = {};
  sampling.presence_penalty = 2.0f;
  auto penalised = *Sampler::Create(model, sampling, nullptr, 1);
  penalised->ReadPrompt(std::vector<Token>{100, -5, -6});  // and rows of an image
  EXPECT_EQ(*penalised->Next(logits), 101);
  EXPECT_EQ(*penalised->Next(logits), 100);  // 101 was drawn, too
  penalised->Force(std::vector<Token>{7, 8});
  EXPECT_EQ(*penalised->Next(logits), 7);
  EXPECT_EQ(*penalised->Next(logits), 8);
  sampling.presence_penalty = {};
  sampling.ignore_eos = true;
  logits[static_cast<size_t>(model.vocabulary().end())] = 50;
  EXPECT_EQ(*(*Sampler::Create(model, sampling, nullptr, 1))->Next(logits), 100);
}

TEST(Sampler, DryPenalisesARepeatedRun) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  std::vector<float> logits(static_cast<size_t>(model.vocabulary().size()), 0.0f);
  logits[503] = 3;
  logits[600] = 2;
  chat::Sampling sampling;
  sampling.temperature = 0.0f;
  sampling.dry_multiplier = 2.0f;
  auto sampler = *Sampler::Create(model, sampling, nullptr, 1);
  sampler->ReadPrompt(std::vector<Token>{500, 501, 502, 503, 700, 500, 501, 502});
  EXPECT_EQ(*sampler->Next(logits), 600);
}

TEST(Sampler, AGrammarLeavesOnlyWhatItAllows) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const Grammar grammar{.gbnf = "root ::= [0-9] [0-9] [0-9]"};
  for (const float temperature : {0.0f, 1.0f}) {
    chat::Sampling sampling;
    sampling.temperature = temperature;
    auto sampler = *Sampler::Create(model, sampling, &grammar, 3);
    std::string text;
    Token last = kNoToken;
    for (int i = 0; i < 4; ++i) {
      const auto token = sampler->Next(Logits(model, static_cast<uint32_t>(i)));
      ASSERT_TRUE(token) << token.error().message;
      last = *token;
      text += model.vocabulary().Piece(last);
      if (model.vocabulary().EndsGeneration(last)) break;
    }
    EXPECT_TRUE(model.vocabulary().EndsGeneration(last));
    EXPECT_EQ(text.size(), 3u);
    EXPECT_EQ(text.find_first_not_of("0123456789"), std::string::npos);
  }
}

TEST(Sampler, SettingsOutOfRangeAreNamed) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const auto param = [&](auto change) {
    chat::Sampling sampling;
    change(sampling);
    const auto sampler = Sampler::Create(model, sampling, nullptr, 1);
    return sampler ? std::string() : sampler.error().param;
  };
  EXPECT_EQ(param([](auto& s) { s.temperature = -1.0f; }), "temperature");
  EXPECT_EQ(param([](auto& s) { s.temperature = std::nanf(""); }), "temperature");
  EXPECT_EQ(param([](auto& s) { s.top_p = 1.5f; }), "top_p");
  EXPECT_EQ(param([](auto& s) { s.repeat_penalty = 0.0f; }), "repeat_penalty");
  EXPECT_EQ(param([](auto& s) { s.mirostat = 3; }), "mirostat");
  EXPECT_EQ(param([](auto& s) { s.logit_bias = {{999'999, 1.0f}}; }), "logit_bias");
  EXPECT_EQ(param([](auto& s) { s.dry_sequence_breakers = {""}; }), "dry_sequence_breakers");
}

TEST(Sampler, PrintsWhatATokenCosts) {
  WEIR_VOCABULARY_OR_SKIP(model, testing::SmolPath());
  const std::vector<float> logits = Logits(model, 1);
  const Grammar grammar{.gbnf = JsonObjectGrammar()};
  const auto time = [&](const char* name, const chat::Sampling& sampling, const Grammar* g) {
    double best = 1e9;
    for (int i = 0; i < 10; ++i) {
      auto sampler = *Sampler::Create(model, sampling, g, 3);
      const auto start = std::chrono::steady_clock::now();
      ASSERT_TRUE(sampler->Next(logits));
      const auto end = std::chrono::steady_clock::now();
      best = std::min(best, std::chrono::duration<double, std::micro>(end - start).count());
    }
    std::printf("49,152 tokens, %s: %.0f us\n", name, best);
  };
  chat::Sampling greedy;
  greedy.temperature = 0.0f;
  time("greedy", greedy, nullptr);
  time("default", {}, nullptr);
  chat::Sampling all;
  all.temperature = 1.0f;
  all.top_k = 0;
  all.top_p = 1.0f;
  all.min_p = 0.0f;
  time("uncut", all, nullptr);
  all.top_p = 0.9f;
  time("top_p alone", all, nullptr);
  time("grammar, rejected first", greedy, &grammar);
}

}  // namespace
}  // namespace weir::llama
