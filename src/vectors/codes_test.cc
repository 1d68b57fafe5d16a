#include "vectors/codes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "vectors/distance.h"
#include "vectors/kernel_names.h"

namespace weir::vectors {
namespace {

struct Coded {
  std::vector<float> prepared;
  std::vector<std::byte> record;
};

Coded MakeCoded(std::mt19937& random, size_t dimensions, float spread) {
  std::normal_distribution<float> normal(0, spread);
  Coded coded{std::vector<float>(Padded(dimensions)),
              std::vector<std::byte>(RecordBytes(dimensions))};
  for (size_t i = 0; i < dimensions; ++i) coded.prepared[i] = normal(random);
  Encode(coded.prepared, dimensions, coded.record.data());
  return coded;
}

TEST(Codes, EveryInstructionSetGivesTheSameIntegers) {
  RecordProperty("kernels", NamesOf(CodeKernelsHere()));
  std::mt19937 random(1);
  for (size_t dimensions = 1; dimensions <= 300; dimensions += dimensions < 140 ? 1 : 37) {
    std::vector<Coded> rows;
    std::vector<const std::byte*> records;
    for (int i = 0; i < 7; ++i) rows.push_back(MakeCoded(random, dimensions, 2));
    for (const Coded& row : rows) records.push_back(row.record.data());
    const CodeQuery query(Metric::kDot, MakeCoded(random, dimensions, 1).prepared, dimensions);
    std::vector<int32_t> wanted(rows.size());
    for (size_t r = 0; r < rows.size(); ++r) {
      for (size_t i = 0; i < CodeBytes(dimensions); ++i) {
        wanted[r] +=
            (static_cast<int>(rows[r].record[sizeof(CodeHead) + i]) - 128) * query.bytes[i];
      }
    }
    for (const CodeKernels& kernels : CodeKernelsHere()) {
      for (size_t count = 0; count <= rows.size(); ++count) {
        std::vector<int32_t> products(rows.size(), -1);
        kernels.products(query, records.data(), count, products.data());
        for (size_t r = 0; r < rows.size(); ++r) {
          EXPECT_EQ(products[r], r < count ? wanted[r] : -1)
              << kernels.name << ", " << dimensions << " dimensions, row " << r << " of " << count;
        }
      }
    }
  }
}

// Records lie behind each other, wherever the length of a code puts them.
TEST(Codes, ARecordMayLieAnywhere) {
  std::mt19937 random(3);
  for (const size_t dimensions : {1, 16, 33, 64, 100, 384}) {
    const Coded row = MakeCoded(random, dimensions, 1);
    const CodeQuery query(Metric::kDot, MakeCoded(random, dimensions, 1).prepared, dimensions);
    for (size_t offset = 0; offset < 64; offset += alignof(CodeHead)) {
      std::vector<std::byte> place(offset + row.record.size());
      std::ranges::copy(row.record, place.begin() + static_cast<ptrdiff_t>(offset));
      const std::byte* records[] = {row.record.data(), place.data() + offset};
      for (const CodeKernels& kernels : CodeKernelsHere()) {
        int32_t products[2] = {};
        kernels.products(query, records, 2, products);
        EXPECT_EQ(products[0], products[1]) << kernels.name << " " << offset;
      }
    }
  }
}

TEST(Codes, TheLargestValuesDoNotOverflow) {
  constexpr size_t kDimensions = Limits::kDimensions;
  const std::vector<float> ones(kDimensions, 1);
  const std::vector<float> minus(kDimensions, -1);
  std::vector<std::byte> record(RecordBytes(kDimensions));
  for (const auto* vector : {&ones, &minus}) {
    Encode(*vector, kDimensions, record.data());
    const CodeQuery query(Metric::kDot, ones, kDimensions);
    const std::byte* records[] = {record.data()};
    for (const CodeKernels& kernels : CodeKernelsHere()) {
      int32_t product = 0;
      kernels.products(query, records, 1, &product);
      EXPECT_EQ(product, (vector == &ones ? 1 : -1) * 127 * 127 * static_cast<int32_t>(kDimensions))
          << kernels.name;
    }
  }
}

TEST(Codes, EstimatesComeNearTheDistance) {
  std::mt19937 random(2);
  for (const Metric metric : {Metric::kDot, Metric::kL2}) {
    for (const size_t dimensions : {8, 100, 384}) {
      const Coded row = MakeCoded(random, dimensions, 1);
      const Coded other = MakeCoded(random, dimensions, 1);
      const ExactKernels& kernels = ExactKernelsHere().front();
      const auto distance = metric == Metric::kL2 ? kernels.squared_l2 : kernels.negative_dot;
      const float exact = distance(row.prepared.data(), other.prepared.data(), row.prepared.size());
      const std::byte* records[] = {row.record.data()};
      for (const CodeQuery& query : {CodeQuery(metric, other.prepared, dimensions),
                                     CodeQuery(metric, other.record.data(), dimensions)}) {
        int32_t product;
        CodeKernelsHere().front().products(query, records, 1, &product);
        EXPECT_NEAR(query.Estimate(HeadOf(row.record.data()), product), exact,
                    0.05 * std::sqrt(static_cast<double>(dimensions)) + 0.02 * std::fabs(exact));
      }
    }
  }
}

TEST(Codes, AVectorOfZerosIsFarFromNothing) {
  std::vector<std::byte> record(RecordBytes(4));
  const std::vector<float> zeros(Padded(4));
  Encode(zeros, 4, record.data());
  const CodeQuery query(Metric::kL2, zeros, 4);
  const std::byte* records[] = {record.data()};
  int32_t product;
  CodeKernelsHere().front().products(query, records, 1, &product);
  EXPECT_EQ(query.Estimate(HeadOf(record.data()), product), 0);
}

}  // namespace
}  // namespace weir::vectors
