#include "llama/embedder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "llama/test_models.h"

namespace weir::llama {
namespace {

std::string MiniLmPath() {
  return testing::StoredModel("f41069f0fe504712c68334b6434d191a09f757426bb1636d13886c5614bc4a8d");
}

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

std::unique_ptr<Embedder> MakeEmbedder(const Model& model) {
  auto embedder = Embedder::Create(model, {.threads = 1});
  EXPECT_TRUE(embedder);
  return embedder ? std::move(*embedder) : nullptr;
}

TEST(Embedder, GivesTheReferenceCosine) {
  WEIR_MODEL_OR_SKIP(model, MiniLmPath());
  auto embedder = MakeEmbedder(model);
  const auto a = embedder->Prepare("A man is eating food.");
  ASSERT_TRUE(a);
  EXPECT_EQ(*a, (std::vector<Token>{101, 1037, 2158, 2003, 5983, 2833, 1012, 102}));
  const auto b = embedder->Prepare("A man is eating a piece of bread.");
  const auto vectors = embedder->Embed(std::vector{*a, *b});
  ASSERT_TRUE(vectors);
  ASSERT_EQ((*vectors)[0].size(), 384u);
  EXPECT_NEAR(Cosine((*vectors)[0], (*vectors)[0]), 1, 1e-5);
  EXPECT_NEAR(Cosine((*vectors)[0], (*vectors)[1]), 0.755, 0.002);
}

TEST(Embedder, AVectorDoesNotDependOnItsNeighboursInTheBatch) {
  WEIR_MODEL_OR_SKIP(model, MiniLmPath());
  auto embedder = MakeEmbedder(model);
  std::vector<std::vector<Token>> inputs;
  for (int i = 0; i < 150; ++i) {
    inputs.push_back(*embedder->Prepare("sentence number " + std::to_string(i) +
                                        std::string(static_cast<size_t>(i % 7) * 3, 'x')));
  }
  const auto together = embedder->Embed(inputs);
  ASSERT_TRUE(together);
  for (const size_t i : {0u, 63u, 64u, 149u}) {
    const auto alone = embedder->Embed(std::span(&inputs[i], 1));
    ASSERT_TRUE(alone);
    EXPECT_GT(Cosine((*alone)[0], (*together)[i]), 0.9999) << i;
  }
}

TEST(Embedder, RefusesWhatDoesNotFit) {
  WEIR_MODEL_OR_SKIP(model, MiniLmPath());
  auto embedder = MakeEmbedder(model);
  EXPECT_EQ(embedder->Prepare("").error().code, Code::kInvalidArgument);
  std::string words;
  for (int i = 0; i < 2000; ++i) words += "word ";
  EXPECT_EQ(embedder->Prepare(words).error().reason, "context_length_exceeded");
  const std::vector<std::vector<Token>> bad = {{101, 999'999, 102}};
  EXPECT_EQ(embedder->Embed(bad).error().code, Code::kInvalidArgument);
  const std::vector<std::vector<Token>> good = {{101, 2833, 102}};
  EXPECT_EQ(embedder->Embed(good, [] { return true; }).error().code, Code::kCancelled);
}

TEST(Embedder, AChatModelIsNone) {
  WEIR_MODEL_OR_SKIP(model, testing::StoriesPath());
  EXPECT_EQ(Embedder::Create(model, {}).error().code, Code::kUnprocessable);
}

TEST(Embedder, AShortenedVectorHasUnitLength) {
  const auto shorter = Shortened(std::vector<float>{3, 4, 12}, 2);
  ASSERT_EQ(shorter.size(), 2u);
  EXPECT_FLOAT_EQ(shorter[0], 0.6f);
  EXPECT_FLOAT_EQ(shorter[1], 0.8f);
}

}  // namespace
}  // namespace weir::llama
