#include "vectors/distance.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "vectors/kernel_names.h"

namespace weir::vectors {
namespace {

std::vector<float> Random(std::mt19937& random, size_t dimensions) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(Padded(dimensions));
  for (size_t i = 0; i < dimensions; ++i) vector[i] = normal(random);
  return vector;
}

TEST(Distance, EveryInstructionSetGivesTheSameBits) {
  RecordProperty("kernels", NamesOf(ExactKernelsHere()));
  std::mt19937 random(7);
  const ExactKernels& portable = ExactKernelsHere().back();
  ASSERT_EQ(portable.name, "portable");
  for (size_t dimensions = 1; dimensions <= 200; ++dimensions) {
    const auto a = Random(random, dimensions);
    const auto b = Random(random, dimensions);
    for (const ExactKernels& kernels : ExactKernelsHere()) {
      EXPECT_EQ(std::bit_cast<uint32_t>(kernels.negative_dot(a.data(), b.data(), a.size())),
                std::bit_cast<uint32_t>(portable.negative_dot(a.data(), b.data(), a.size())))
          << kernels.name << " " << dimensions;
      EXPECT_EQ(std::bit_cast<uint32_t>(kernels.squared_l2(a.data(), b.data(), a.size())),
                std::bit_cast<uint32_t>(portable.squared_l2(a.data(), b.data(), a.size())))
          << kernels.name << " " << dimensions;
    }
  }
}

// Also on another architecture: no compiler fuses a product with a sum, or adds in another order.
TEST(Distance, EveryProcessorGivesTheseBits) {
  std::mt19937 random(10);
  const auto next = [&] { return static_cast<float>(random() >> 8) * 0x1p-23F - 1; };
  const ExactKernels& best = ExactKernelsHere().front();
  uint64_t sum = 0;
  for (size_t dimensions = 1; dimensions <= 200; ++dimensions) {
    std::vector<float> a(Padded(dimensions));
    std::vector<float> b(Padded(dimensions));
    for (size_t i = 0; i < dimensions; ++i) {
      a[i] = next();
      b[i] = next();
    }
    for (const float distance : {best.negative_dot(a.data(), b.data(), a.size()),
                                 best.squared_l2(a.data(), b.data(), a.size())})
      sum = sum * 31 + std::bit_cast<uint32_t>(distance);
  }
  EXPECT_EQ(sum, 12329934321865976578ULL);
}

TEST(Distance, EveryInstructionSetGivesTheSameBitsOfHalves) {
  std::mt19937 random(9);
  const ExactKernels& portable = ExactKernelsHere().back();
  for (size_t dimensions = 1; dimensions <= 200; ++dimensions) {
    const auto a = Random(random, dimensions);
    const auto b = Random(random, dimensions);
    std::vector<uint16_t> halves;
    std::vector<float> kept;
    for (const float x : b) {
      // Some are so small that f16 holds them with fewer bits.
      halves.push_back(ToHalf(dimensions % 3 == 0 ? x * 1e-6F : x));
      kept.push_back(FromHalf(halves.back()));
    }
    for (const ExactKernels& kernels : ExactKernelsHere()) {
      EXPECT_EQ(
          std::bit_cast<uint32_t>(kernels.negative_dot_half(a.data(), halves.data(), a.size())),
          std::bit_cast<uint32_t>(portable.negative_dot(a.data(), kept.data(), a.size())))
          << kernels.name << " " << dimensions;
      EXPECT_EQ(std::bit_cast<uint32_t>(kernels.squared_l2_half(a.data(), halves.data(), a.size())),
                std::bit_cast<uint32_t>(portable.squared_l2(a.data(), kept.data(), a.size())))
          << kernels.name << " " << dimensions;
    }
  }
}

TEST(Distance, EveryInstructionSetGivesTheSameBitsOfBytes) {
  std::mt19937 random(11);
  const ExactKernels& portable = ExactKernelsHere().back();
  for (size_t dimensions = 1; dimensions <= 200; ++dimensions) {
    const auto a = Random(random, dimensions);
    std::vector<uint8_t> bytes(a.size());
    std::vector<float> kept(a.size());
    for (size_t i = 0; i < dimensions; ++i) {
      bytes[i] = static_cast<uint8_t>(random());
      kept[i] = bytes[i];
    }
    for (const ExactKernels& kernels : ExactKernelsHere()) {
      EXPECT_EQ(
          std::bit_cast<uint32_t>(kernels.negative_dot_byte(a.data(), bytes.data(), a.size())),
          std::bit_cast<uint32_t>(portable.negative_dot(a.data(), kept.data(), a.size())))
          << kernels.name << " " << dimensions;
      EXPECT_EQ(std::bit_cast<uint32_t>(kernels.squared_l2_byte(a.data(), bytes.data(), a.size())),
                std::bit_cast<uint32_t>(portable.squared_l2(a.data(), kept.data(), a.size())))
          << kernels.name << " " << dimensions;
    }
  }
}

TEST(Distance, AHalfComesBackAsItWas) {
  for (uint32_t half = 0; half < 0x7c00; ++half) {  // all that are finite and not negative
    const float x = FromHalf(static_cast<uint16_t>(half));
    EXPECT_EQ(ToHalf(x), half);
    EXPECT_EQ(ToHalf(-x), half | 0x8000);
  }
  EXPECT_EQ(FromHalf(ToHalf(kHalfMost)), kHalfMost);
  EXPECT_EQ(FromHalf(ToHalf(0.1F)), 0.0999755859375F);
}

TEST(Distance, IsTheSumThatItShouldBe) {
  std::mt19937 random(8);
  for (const size_t dimensions : {1, 15, 16, 17, 384, 1000}) {
    const auto a = Random(random, dimensions);
    const auto b = Random(random, dimensions);
    double dot = 0;
    double l2 = 0;
    for (size_t i = 0; i < dimensions; ++i) {
      dot += double{a[i]} * b[i];
      l2 += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    }
    const auto size = static_cast<double>(dimensions);
    const ExactKernels& best = ExactKernelsHere().front();
    EXPECT_NEAR(best.negative_dot(a.data(), b.data(), a.size()), -dot, 1e-5 * size);
    EXPECT_NEAR(best.squared_l2(a.data(), b.data(), a.size()), l2, 1e-5 * size);
  }
}

TEST(Distance, CosineDoesNotDependOnLength) {
  for (const float length : {1e-20F, 1.0F, 1e15F}) {
    const std::vector<float> vector = {3 * length, 4 * length};
    std::vector<float> prepared(Padded(2));
    Prepare(Metric::kCosine, vector, prepared.data());
    EXPECT_FLOAT_EQ(prepared[0], 0.6F);
    EXPECT_FLOAT_EQ(prepared[1], 0.8F);
    EXPECT_EQ(prepared[2], 0.0F);
  }
}

}  // namespace
}  // namespace weir::vectors
