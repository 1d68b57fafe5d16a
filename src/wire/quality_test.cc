#include "wire/quality.h"

#include <gtest/gtest.h>

#include <limits>

namespace weir::wire {
namespace {

Measured TwoModels() {
  return {.windows = 3,
          .tokens = 765,
          .threads = 2,
          .models = {{.perplexity = 20, .same_top = 0}, {.perplexity = 21, .same_top = 0.9}}};
}

TEST(QualityProtocol, AMeasurementComesBackAsItWasAndNoCutIsTaken) {
  const std::string bytes = Encode(TwoModels());
  const auto again = Decode<Measured>(bytes);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(Encode(*again), bytes);
  EXPECT_EQ(again->models[1].same_top, 0.9);
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(Decode<Measured>(std::string_view(bytes).substr(0, length)));
}

TEST(QualityProtocol, BoundsAreNamed) {
  EXPECT_EQ(BrokenBound(TwoModels(), 2), "");
  EXPECT_EQ(BrokenBound(TwoModels(), 1), "models");
  Measured measured = TwoModels();
  measured.tokens = 0;
  EXPECT_EQ(BrokenBound(measured, 2), "windows");
  for (const double value :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    measured = TwoModels();
    measured.models[0].perplexity = value;
    EXPECT_EQ(BrokenBound(measured, 2), "a figure");
  }
  measured = TwoModels();
  measured.models[1].same_top = 1.5;
  EXPECT_EQ(BrokenBound(measured, 2), "a figure");
}

}  // namespace
}  // namespace weir::wire
