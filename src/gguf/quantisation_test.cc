#include "gguf/quantisation.h"

#include <gtest/gtest.h>

#include "gguf/types.h"

namespace weir::gguf {
namespace {

TEST(Quantisation, EachHasTheNumberThatFilesHave) {
  for (const std::string_view name : Quantisations()) {
    const auto number = QuantisationNumber(name);
    ASSERT_TRUE(number) << name;
    EXPECT_EQ(FileTypeName(*number), name);
  }
  EXPECT_EQ(QuantisationNumber("Q4_K_M"), 15U);
}

TEST(Quantisation, NamesAreReadAsPeopleWriteThem) {
  EXPECT_EQ(QuantisationNumber("q4_k_m"), QuantisationNumber("Q4_K"));
  EXPECT_EQ(QuantisationNumber("fp16"), QuantisationNumber("F16"));
  EXPECT_FALSE(QuantisationNumber(""));
  EXPECT_FALSE(QuantisationNumber("Q4"));
  EXPECT_FALSE(QuantisationNumber("IQ1_S")) << "needs an importance matrix";
}

TEST(Quantisation, OnlyFloatingPointIsNotQuantised) {
  EXPECT_FALSE(IsQuantised("F16"));
  EXPECT_TRUE(IsQuantised("Q8_0"));
}

}  // namespace
}  // namespace weir::gguf
