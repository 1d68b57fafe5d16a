#include "models/rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weir::models {
namespace {

using testing::HasSubstr;

ModelRates Measured(double rate) {
  return {.measured = "2026-11-21T20:15:00Z",
          .version = "1.0",
          .threads = 2,
          .prefill = {{128, rate}, {512, rate * 2}},
          .decode = {{1, rate / 2}, {8, rate}}};
}

class RatesTest : public testing::Test {
 protected:
  RatesTest() {
    std::string pattern = testing::TempDir() + "weir-rates-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~RatesTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(RatesTest, WithoutAFileNothingIsKnown) {
  const auto rates = ReadRates(folder_);
  ASSERT_TRUE(rates);
  EXPECT_TRUE(rates->empty());
}

TEST_F(RatesTest, WhatIsStoredIsReadAndOtherModelsStay) {
  ASSERT_TRUE(StoreRates(folder_, "a:1", Measured(100)));
  ASSERT_TRUE(StoreRates(folder_, "b:1", {.embed = {{64, 5000.5}}}));
  ASSERT_TRUE(StoreRates(folder_, "a:1", Measured(200)));
  const auto rates = ReadRates(folder_);
  ASSERT_TRUE(rates);
  ASSERT_EQ(rates->size(), 2u);
  EXPECT_EQ(rates->at("a:1"), Measured(200));
  EXPECT_EQ(rates->at("b:1").embed, (std::vector<RatePoint>{{64, 5000.5}}));
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++files;
  EXPECT_EQ(files, 1u);
}

TEST_F(RatesTest, TheKernelHoldsForTheFileThatItWasMeasuredWith) {
  ModelRates rates = Measured(100);
  rates.sha256 = std::string(64, 'a');
  rates.kernel = KernelChoice{.flash_attention = false, .micro_batch = 64};
  ASSERT_TRUE(StoreRates(folder_, "a:1", rates));
  EXPECT_EQ(ReadRates(folder_)->at("a:1"), rates);
  EXPECT_EQ(KernelOf(folder_, "a:1", rates.sha256), rates.kernel);
  EXPECT_EQ(KernelOf(folder_, "a:1", std::string(64, 'b')), std::nullopt);
  EXPECT_EQ(KernelOf(folder_, "b:1", rates.sha256), std::nullopt);
  EXPECT_EQ(KernelOf(folder_ + "/none", "a:1", rates.sha256), std::nullopt);
  rates.sha256.clear();
  ASSERT_TRUE(StoreRates(folder_, "a:1", rates));
  EXPECT_EQ(KernelOf(folder_, "a:1", ""), std::nullopt);
}

TEST_F(RatesTest, AKernelOutOfRangeIsRefusedByName) {
  const auto rates = ParseRates(
      R"({"schema":1,"models":{"a":{"kernel":{"flash_attention":true,"micro_batch":0}}}})");
  ASSERT_FALSE(rates);
  EXPECT_EQ(rates.error().param, "models.a.kernel.micro_batch");
}

TEST_F(RatesTest, AFileThatCannotBeReadIsAnErrorAndIsReplacedByTheNextMeasurement) {
  std::ofstream(folder_ + "/rates.json") << "{\"schema\":1,\"models\":{\"a\":{\"prefill\":7}}}";
  const auto rates = ReadRates(folder_);
  ASSERT_FALSE(rates);
  EXPECT_THAT(rates.error().message, HasSubstr("rates.json: "));
  EXPECT_TRUE(StoreRates(folder_, "a:1", Measured(1)));
  EXPECT_EQ(ReadRates(folder_)->size(), 1u);
}

TEST_F(RatesTest, AnotherSchemaIsRefused) {
  EXPECT_FALSE(ParseRates("{\"schema\":2,\"models\":{}}"));
  EXPECT_FALSE(ParseRates("{\"models\":{}}"));
  EXPECT_TRUE(ParseRates("{\"schema\":1,\"models\":{}}"));
}

TEST_F(RatesTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(StoreRates(folder_ + "/none", "a:1", Measured(1)));
}

}  // namespace
}  // namespace weir::models
