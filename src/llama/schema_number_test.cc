#include "llama/schema_number.h"

#include <gtest/gtest.h>
#include <json.h>

#include <string>

namespace weir::llama {
namespace {

std::expected<NumberRange, NumberProblem> Read(const std::string& said, bool integer = false) {
  return ReadNumberRange(common_json::parse("{" + said + "}"), integer);
}

TEST(SchemaNumber, BoundsAreReadAsTheDecimalsThatTheyAre) {
  const std::pair<std::string, Bound> cases[] = {
      {"0", {}},
      {"-0.0", {}},
      {"12.50", {.whole = "12", .fraction = "5"}},
      {"-0.001", {.negative = true, .fraction = "001"}},
      {"0.1", {.fraction = "1"}},
      {"1e3", {.whole = "1000"}},
      {"2.5E-7", {.fraction = "00000025"}},
      {"1e15", {.whole = "1000000000000000"}},
      {"123456789.012345", {.whole = "123456789", .fraction = "012345"}},
  };
  for (const auto& [text, bound] : cases) {
    const auto range = Read(R"("minimum":)" + text);
    ASSERT_TRUE(range) << text;
    EXPECT_EQ(range->least, bound) << text;
    EXPECT_EQ(range->most, std::nullopt);
  }
}

TEST(SchemaNumber, TheStricterOfTwoBoundsCounts) {
  EXPECT_TRUE(Read(R"("minimum":1,"exclusiveMinimum":1)")->least->excluded);
  EXPECT_EQ(Read(R"("minimum":2,"exclusiveMinimum":1)")->least, Bound{.whole = "2"});
  EXPECT_TRUE(Read(R"("maximum":1,"exclusiveMaximum":1)")->most->excluded);
  EXPECT_EQ(Read(R"("maximum":1,"exclusiveMaximum":2)")->most, Bound{.whole = "1"});
}

TEST(SchemaNumber, AnIntegersStepIsWhole) {
  EXPECT_EQ(Read(R"("multipleOf":0.75)")->step, (Step{.count = 75, .places = 2}));
  EXPECT_EQ(Read(R"("multipleOf":0.75)", true)->step, Step{.count = 3});
  EXPECT_EQ(Read(R"("multipleOf":2.5)", true)->step, Step{.count = 5});
  EXPECT_FALSE(Read(R"("multipleOf":0.5)", true)->bound());
  EXPECT_FALSE(Read(R"("multipleOf":1)", true)->bound());
  EXPECT_TRUE(Read(R"("multipleOf":1)")->bound());
}

}  // namespace
}  // namespace weir::llama
