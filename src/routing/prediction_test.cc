#include "routing/prediction.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/base64.h"
#include "base/fnv.h"
#include "routing/prompt_features.h"

namespace weir::routing {
namespace {

TEST(PromptFeatures, AreSortedAndWithinTheirPlaces) {
  const auto features = FeaturesOfPrompt("How many lamps are 2 and 3 lamps? lamps lamps");
  for (const auto& places : {features.shape, features.words}) {
    EXPECT_TRUE(std::ranges::is_sorted(places));
    EXPECT_EQ(std::ranges::adjacent_find(places), places.end());
    EXPECT_LT(places.back(), kFeaturePlaces);
  }
  EXPECT_EQ(features.kind, TaskKind::kMath);
  EXPECT_EQ(features, FeaturesOfPrompt("How many lamps are 2 and 3 lamps? lamps lamps"));
}

TEST(PromptFeatures, LengthIsALogarithm) {
  EXPECT_EQ(FeaturesOfPrompt("").length, 0);
  EXPECT_EQ(FeaturesOfPrompt(std::string(255, 'x')).length, 8 * 1024);
  EXPECT_EQ(FeaturesOfPrompt(std::string(383, 'x')).length, 8 * 1024 + 512);
  EXPECT_EQ(FeaturesOfPrompt(std::string((size_t{1} << 20) - 1, 'x')).length, 20 * 1024);
}

// The places are what the weights were fitted on: they stay what they are.
TEST(PromptFeatures, AreTheOnesOfTheWeights) {
  const auto features = FeaturesOfPrompt("What is a weir?");
  uint64_t sum = 0;
  for (const uint16_t place : features.shape) sum = sum * 31 + place;
  for (const uint16_t place : features.words) sum = sum * 31 + place;
  EXPECT_EQ(features.shape.size() + features.words.size(), 18u);
  EXPECT_EQ(sum, 13118691106897210260u);
}

TEST(PromptFeatures, OfHugeAndEmptyTextsAreBounded) {
  EXPECT_LT(FeaturesOfPrompt("").shape.size(), 16u);
  EXPECT_TRUE(FeaturesOfPrompt("").words.empty());
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i * 7919 % 99'991) + "x ";
  EXPECT_LE(FeaturesOfPrompt(text).words.size(), 2 * kFeatureWords);
}

TEST(Predictor, WhatIsShippedPredictsChances) {
  const Predictor& predictor = Predictor::BuiltIn();
  EXPECT_FALSE(predictor.provenance().empty());
  for (const char* text : {"", "What is 2 + 2?", "Prove that every group of order 15 is cyclic."}) {
    const Prediction predicted = predictor.Predict(text);
    EXPECT_GE(predicted.small_right, 0);
    EXPECT_LE(predicted.gain, 10'000);
  }
}

TEST(Predictor, GainsFallWithTheShare) {
  const Predictor& predictor = Predictor::BuiltIn();
  for (int32_t share = 0; share < 10'000; share += 100) {
    EXPECT_GE(predictor.GainOfShare(share), predictor.GainOfShare(share + 100));
  }
}

std::string File(const std::string& weights, const std::string& hash) {
  std::string gains = "100";
  for (int i = 0; i < 20; ++i) gains += ",100";
  const std::string model =
      R"({"lines":[{"base":0,"slope":0},{"base":0,"slope":0},{"base":0,"slope":0},{"base":0,"slope":0}],"weights":")" +
      weights + R"(","weights_fnv1a64":")" + hash +
      R"(","calibration":[{"logit":-10,"chance":1000},{"logit":10,"chance":9000}]})";
  return R"({"version":1,"provenance":"p","gain_by_share":[)" + gains + R"(],"small":)" + model +
         R"(,"gain":)" + model + "}";
}

TEST(Predictor, ListedOptionsShiftTheLineOfTheirKind) {
  const std::string zeros(size_t{kFeaturePlaces} * 2, '\0');
  std::string file = File(EncodeBase64(zeros), fmt::format("{:016x}", Fnv1a().Add(zeros).value()));
  const std::string line = R"({"base":0,"slope":0})";
  for (size_t at = 0; (at = file.find(line, at)) != std::string::npos;)
    file.replace(at, line.size(), R"({"base":0,"slope":0,"options":10})");
  const auto predictor = Predictor::Parse(file);
  ASSERT_TRUE(predictor) << predictor.error().message;
  EXPECT_EQ(predictor->Predict("What is it?").small_right, 5'000);
  EXPECT_EQ(predictor->Predict("What is it?\nA. one\nB. two").small_right, 9'000);
}

TEST(Predictor, WeightsThatDoNotFitTheirHashAreRefused) {
  const std::string zeros = EncodeBase64(std::string(size_t{kFeaturePlaces} * 2, '\0'));
  const auto changed = Predictor::Parse(File(zeros, "0000000000000000"));
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().param, "small.weights_fnv1a64");
  const auto cut = Predictor::Parse(File("AAAA", "0000000000000000"));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().param, "small.weights");
}

}  // namespace
}  // namespace weir::routing
