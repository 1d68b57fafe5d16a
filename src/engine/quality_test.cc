#include "engine/quality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "llama/context.h"
#include "llama/test_models.h"
#include "llama/token_stats.h"

namespace weir::engine {
namespace {

using llama::Model;
using llama::Token;
using llama::testing::RandomPath;
using llama::testing::StoriesPath;
using ::testing::HasSubstr;

std::string Story() {
  std::string text;
  for (int i = 0; i < 12; ++i) {
    text +=
        "Once upon a time there was a little girl named Lily. She loved to play in the park "
        "with her dog. One day the dog ran after a red ball and she could not find it. ";
  }
  return text;
}

wire::Measure Asked(int32_t context = 128) {
  return {.context_tokens = context, .threads = 1, .text = Story()};
}

Result<wire::Measured> MeasureOne(const Model& model, const wire::Measure& asked) {
  const Model* models[] = {&model};
  return MeasureQuality(models, asked, {});
}

Result<wire::Measured> MeasureBoth(const Model& one, const Model& other,
                                   const wire::Measure& asked) {
  const Model* models[] = {&one, &other};
  return MeasureQuality(models, asked, {});
}

// As the definition has it: each window in one step, the second half scored.
double PerplexityOf(const Model& model, const wire::Measure& asked) {
  const auto tokens = *model.vocabulary().Tokenize(asked.text, false, true);
  const auto width = static_cast<size_t>(asked.context_tokens);
  auto context = *llama::Context::Create(
      model, {.cells = asked.context_tokens, .sequences = 1, .threads = 1, .threads_batch = 1});
  double sum = 0;
  int count = 0;
  for (size_t start = 0; start + width <= tokens.size(); start += width) {
    std::vector<llama::Row> rows;
    for (size_t i = 0; i < width; ++i) {
      rows.push_back({.token = i == 0 ? model.vocabulary().beginning() : tokens[start + i],
                      .position = static_cast<int32_t>(i),
                      .output = true});
    }
    context->Clear();
    EXPECT_EQ(context->Decode(rows), llama::DecodeOutcome::kOk);
    for (size_t i = width / 2; i + 1 < width; ++i, ++count) {
      const auto logits = context->Logits(static_cast<int32_t>(i));
      sum -= static_cast<double>(llama::Logprob(logits, tokens[start + i + 1]));
    }
  }
  return std::exp(sum / count);
}

TEST(Quality, PerplexityIsThatOfTheDefinitionForEveryCutOfAWindow) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  for (const int32_t context : {16, 100, 128, 200, 256}) {
    const wire::Measure asked = Asked(context);
    const auto measured = MeasureOne(model, asked);
    ASSERT_TRUE(measured) << measured.error().message;
    const double known = PerplexityOf(model, asked);
    EXPECT_NEAR(measured->models[0].perplexity, known, known * 1e-4) << context;
    EXPECT_EQ(measured->tokens, static_cast<uint64_t>(measured->windows) *
                                    static_cast<uint64_t>(context - context / 2 - 1));
    EXPECT_GT(measured->models[0].perplexity_error, 0);
  }
}

TEST(Quality, AModelIsNotApartFromItself) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  const auto measured = MeasureBoth(model, model, Asked());
  ASSERT_TRUE(measured) << measured.error().message;
  ASSERT_EQ(measured->models.size(), 2U);
  EXPECT_NEAR(measured->models[1].divergence, 0, 1e-9);
  EXPECT_EQ(measured->models[1].same_top, 1);
  EXPECT_EQ(measured->models[0].perplexity, measured->models[1].perplexity);
  EXPECT_EQ(measured->models[0].prefill_tokens_per_s, 0) << "nobody asked for the base's";
  EXPECT_GT(measured->models[1].prefill_tokens_per_s, 0);
  EXPECT_GT(measured->models[1].decode_tokens_per_s, 0);
}

TEST(Quality, ProgressRisesToTheEndAndWindowsAreBounded) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  wire::Measure asked = Asked();
  asked.windows_max = 2;
  const Model* models[] = {&model};
  std::vector<float> shares;
  const auto measured =
      MeasureQuality(models, asked, [&](float share) { shares.push_back(share); });
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->windows, 2);
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  ASSERT_FALSE(shares.empty());
  EXPECT_NEAR(shares.back(), 1, 1e-6);
  EXPECT_EQ(wire::BrokenBound(*measured, 1), "");
}

TEST(Quality, WhatCannotBeMeasuredIsSaid) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  wire::Measure asked = Asked();
  asked.text = "Too short.";
  auto refused = MeasureOne(model, asked);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "text_too_short");
  EXPECT_THAT(refused.error().message, HasSubstr("need 256"));
  asked = Asked(1 << 16);
  refused = MeasureOne(model, asked);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "context");
  for (const int32_t context : {0, -1, 8, wire::kQualityContextMax + 1})
    EXPECT_EQ(MeasureOne(model, Asked(context)).error().param, "context");
  asked = Asked();
  asked.threads = -1;
  EXPECT_EQ(MeasureOne(model, asked).error().param, "threads");
}

TEST(Quality, ModelsOfDifferentVocabulariesAreNotCompared) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  WEIR_MODEL_OR_SKIP(other, RandomPath());
  const auto refused = MeasureBoth(model, other, Asked());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "other_vocabulary");
}

TEST(Quality, AModelThatMakesVectorsIsRefused) {
  WEIR_MODEL_OR_SKIP(model,
                     llama::testing::StoredModel(
                         "f41069f0fe504712c68334b6434d191a09f757426bb1636d13886c5614bc4a8d"));
  const auto refused = MeasureOne(model, Asked());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "does_not_generate");
}

TEST(Quality, AStateThatCannotBeCutIsMeasuredToo) {
  WEIR_MODEL_OR_SKIP(model, llama::testing::TinyPath("mamba"));
  const auto measured = MeasureBoth(model, model, Asked());
  ASSERT_TRUE(measured) << measured.error().message;
  EXPECT_NEAR(measured->models[1].divergence, 0, 1e-9);
}

}  // namespace
}  // namespace weir::engine
