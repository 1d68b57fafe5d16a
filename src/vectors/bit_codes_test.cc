#include "vectors/bit_codes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "vectors/distance.h"
#include "vectors/kernel_names.h"

namespace weir::vectors {
namespace {

std::vector<float> Random(std::mt19937& random, size_t dimensions) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(Padded(dimensions));
  for (size_t i = 0; i < dimensions; ++i) vector[i] = normal(random);
  return vector;
}

std::vector<std::byte> Coded(std::span<const float> vector, size_t dimensions) {
  std::vector<std::byte> record(BitRecordBytes(dimensions));
  EncodeBits(vector, dimensions, record.data());
  return record;
}

CodeQuery QueryOf(Metric metric, std::span<const float> vector, size_t dimensions) {
  return {metric, Rotated(vector, dimensions), dimensions};
}

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += double{a[i]} * b[i];
  return sum;
}

TEST(BitCodes, EveryInstructionSetGivesTheSameIntegers) {
  RecordProperty("kernels", NamesOf(BitKernelsHere()));
  std::mt19937 random(1);
  for (size_t dimensions = 1; dimensions <= 300; dimensions += dimensions < 140 ? 1 : 37) {
    std::vector<std::vector<std::byte>> rows;
    std::vector<const std::byte*> records;
    for (int i = 0; i < 5; ++i) rows.push_back(Coded(Random(random, dimensions), dimensions));
    for (const auto& row : rows) records.push_back(row.data());
    const auto query = QueryOf(Metric::kDot, Random(random, dimensions), dimensions);
    for (const BitKernels& kernels : BitKernelsHere()) {
      std::vector<int32_t> products(rows.size(), -1);
      kernels.products(query, records.data(), rows.size(), products.data());
      for (size_t r = 0; r < rows.size(); ++r) {
        int32_t wanted = 0;
        for (size_t i = 0; i < dimensions; ++i) {
          const auto bits = static_cast<uint8_t>(rows[r][sizeof(CodeHead) + i / 8]);
          wanted += (bits >> (i % 8) & 1) != 0 ? query.bytes[i] : -query.bytes[i];
        }
        EXPECT_EQ(products[r], wanted) << kernels.name << ", " << dimensions << " dimensions";
      }
    }
  }
}

TEST(BitCodes, TheLargestValuesDoNotOverflow) {
  constexpr size_t kDimensions = Limits::kDimensions;
  CodeQuery query(Metric::kDot, std::vector<float>(kDimensions, 1), kDimensions);
  std::vector<std::byte> record(BitRecordBytes(kDimensions), std::byte{0xff});
  const std::byte* records[] = {record.data()};
  for (const BitKernels& kernels : BitKernelsHere()) {
    int32_t product = 0;
    kernels.products(query, records, 1, &product);
    EXPECT_EQ(product, 127 * static_cast<int32_t>(kDimensions)) << kernels.name;
  }
}

TEST(BitCodes, ARotationKeepsLengthsAndAngles) {
  std::mt19937 random(2);
  for (const size_t dimensions : {1, 2, 3, 17, 64, 384, 1000, 1024}) {
    const auto a = Random(random, dimensions);
    const auto b = Random(random, dimensions);
    const auto turned_a = Rotated(a, dimensions);
    const auto turned_b = Rotated(b, dimensions);
    const double bound = 1e-4 * std::sqrt(Dot(a, a) * Dot(b, b));
    EXPECT_NEAR(Dot(turned_a, turned_a), Dot(a, a), 1e-4 * Dot(a, a)) << dimensions;
    EXPECT_NEAR(Dot(turned_a, turned_b), Dot(a, b), bound) << dimensions;
  }
}

// Vectors that no plain sign would tell apart: all components positive, one of them large.
TEST(BitCodes, EstimatesComeNearAlsoWhereAllComponentsArePositive) {
  std::mt19937 random(3);
  constexpr size_t kDimensions = 384;
  double error = 0;
  constexpr int kRows = 200;
  for (int i = 0; i < kRows; ++i) {
    std::vector<float> vectors[2];
    for (auto& vector : vectors) {
      vector = Random(random, kDimensions);
      for (float& x : vector) x = std::fabs(x);
      vector[7] = 5;
      Prepare(Metric::kCosine, std::vector(vector.begin(), vector.begin() + kDimensions),
              vector.data());
    }
    const auto row = Coded(vectors[0], kDimensions);
    const auto query = QueryOf(Metric::kCosine, vectors[1], kDimensions);
    const std::byte* records[] = {row.data()};
    int32_t product;
    BitKernelsHere().front().products(query, records, 1, &product);
    error += std::fabs(query.Estimate(HeadOf(row.data()), product) + Dot(vectors[0], vectors[1]));
  }
  EXPECT_LT(error / kRows, 0.04);
}

TEST(BitCodes, AVectorOfZerosIsFarFromNothing) {
  const std::vector<float> zeros(Padded(4));
  const auto row = Coded(zeros, 4);
  const auto query = QueryOf(Metric::kL2, zeros, 4);
  const std::byte* records[] = {row.data()};
  int32_t product;
  BitKernelsHere().front().products(query, records, 1, &product);
  EXPECT_EQ(query.Estimate(HeadOf(row.data()), product), 0);
}

}  // namespace
}  // namespace weir::vectors
