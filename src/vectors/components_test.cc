// Spaces whose vectors are kept as f16, or searched by bits, as the library's callers see them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "vectors/distance.h"
#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

constexpr uint32_t kDimensions = 384;

std::vector<Space> SpacesOf(Components components, Codes codes) {
  std::vector<Space> spaces;
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    spaces.push_back({.name = std::string(MetricName(metric)),
                      .dimensions = kDimensions,
                      .metric = metric,
                      .components = components,
                      .codes = codes});
  }
  return spaces;
}

// Few directions around a common one, as embeddings have.
class Numbers {
 public:
  Numbers() {
    for (float& x : basis_) x = normal_(random_);
  }
  std::vector<float> Next() {
    std::vector<float> vector(kDimensions, 0.5F);
    for (size_t l = 0; l < kLatent; ++l) {
      const float weight = normal_(random_) / 4;
      for (size_t d = 0; d < kDimensions; ++d) vector[d] += weight * basis_[l * kDimensions + d];
    }
    return vector;
  }

 private:
  static constexpr size_t kLatent = 16;
  std::mt19937 random_{5};
  std::normal_distribution<float> normal_;
  std::vector<float> basis_ = std::vector<float>(kLatent * kDimensions);
};

std::vector<Point> PointsOf(Numbers& numbers, const std::vector<Space>& spaces, size_t count) {
  std::vector<Point> points;
  for (size_t i = 0; i < count; ++i) {
    Point point{.id = std::to_string(i)};
    const auto vector = numbers.Next();
    for (const Space& space : spaces) point.vectors[space.name] = vector;
    points.push_back(std::move(point));
  }
  return points;
}

std::set<std::string> IdsOf(const Result<std::vector<Hit>>& hits) {
  std::set<std::string> ids;
  for (const Hit& hit : *hits) ids.insert(hit.point.id);
  return ids;
}

class KeptComponents : public testing::TestWithParam<Components> {};

TEST_P(KeptComponents, ComeBackRoundedAndAreMeasuredAsTheyAreKept) {
  const TestFolder folder;
  const auto spaces = SpacesOf(GetParam(), Codes::kBytes);
  Numbers numbers;
  auto points = PointsOf(numbers, spaces, 50);
  if (GetParam() == Components::kU8) {
    for (Point& point : points) {
      for (auto& [name, vector] : point.vectors) {
        for (float& x : vector) x = std::clamp(80 + 80 * x, 0.0F, 255.0F);
      }
    }
  }
  const auto question = numbers.Next();
  const auto file = [&] {
    const auto store = *Store::Open(folder.path() / "store");
    const auto made = *store->Create({.name = "c", .spaces = spaces});
    EXPECT_TRUE(made->Upsert(points));
    return *store->FindSnapshot("c", store->MakeSnapshot("c")->name);
  }();
  const auto store = *Store::Open(folder.path() / "store", {.check = true});
  ASSERT_TRUE(store->Recover("copy", file));
  for (const char* name : {"c", "copy"}) {
    const auto collection = *store->Find(name);
    EXPECT_EQ(collection->spec().spaces, spaces);
    for (const Space& space : spaces) {
      const auto hits = collection->Query(
          {.space = space.name, .vector = question, .k = 50, .parts = {.vectors = true}});
      ASSERT_TRUE(hits) << hits.error().message;
      ASSERT_EQ(hits->size(), 50U);
      for (const Hit& hit : *hits) {
        const auto& kept = hit.point.vectors.at(space.name);
        const auto& given = points[std::stoul(hit.point.id)].vectors.at(space.name);
        double dot = 0;
        double squares[2] = {};
        double apart = 0;
        for (size_t d = 0; d < kDimensions; ++d) {
          EXPECT_EQ(kept[d], Kept(GetParam(), given[d]));
          dot += double{kept[d]} * question[d];
          squares[0] += double{kept[d]} * kept[d];
          squares[1] += double{question[d]} * question[d];
          apart += std::pow(double{kept[d]} - question[d], 2);
        }
        const double wanted = space.metric == Metric::kDot ? dot
                              : space.metric == Metric::kL2
                                  ? std::sqrt(apart)
                                  : dot / std::sqrt(squares[0] * squares[1]);
        EXPECT_NEAR(hit.score, wanted, 1e-5 * std::fabs(wanted) + 1e-4) << space.name;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Components, KeptComponents,
                         testing::Values(Components::kF16, Components::kU8), [](const auto& param) {
                           return std::string(ComponentsName(param.param));
                         });

TEST(Components, AByteHoldsWholeNumbersAndAQueryAny) {
  const TestFolder folder;
  const auto store = *Store::Open(folder.path() / "store");
  const auto collection =
      *store->Create({.name = "c", .spaces = {{.dimensions = 2, .components = Components::kU8}}});
  const auto put = [&](std::vector<float> vector) {
    const Point point{.id = "a", .vectors = {{"", std::move(vector)}}};
    const auto done = collection->Upsert({&point, 1});
    return done ? std::string() : done.error().reason;
  };
  EXPECT_EQ(put({256, 1}), "invalid_component");
  EXPECT_EQ(put({-1, 1}), "invalid_component");
  EXPECT_EQ(put({std::nanf(""), 1}), "invalid_component");
  EXPECT_EQ(put({0.9F, 0.9F}), "zero_vector");
  EXPECT_EQ(put({255, 1.9F}), "");
  const auto hits = collection->Query({.vector = {300, -7.5F}, .k = 1, .parts = {.vectors = true}});
  ASSERT_TRUE(hits) << hits.error().message;
  EXPECT_EQ(hits->front().point.vectors.at(""), (std::vector<float>{255, 1}));
  EXPECT_NEAR(hits->front().score, 0.9996, 1e-3);
}

TEST(Components, WhatAHalfCannotHoldIsRefused) {
  const TestFolder folder;
  const auto store = *Store::Open(folder.path() / "store");
  const auto collection =
      *store->Create({.name = "c", .spaces = {{.dimensions = 2, .components = Components::kF16}}});
  const auto put = [&](std::vector<float> vector) {
    const Point point{.id = "a", .vectors = {{"", std::move(vector)}}};
    const auto done = collection->Upsert({&point, 1});
    return done ? std::string() : done.error().reason;
  };
  EXPECT_EQ(put({70'000, 1}), "invalid_component");
  EXPECT_EQ(put({1e-9F, -1e-9F}), "zero_vector");
  EXPECT_EQ(*collection->Count(), 0);
  EXPECT_EQ(put({65'504, 1}), "");
}

TEST(Components, CandidatesByBitsFindNearlyAllAndScoresAreExact) {
  const TestFolder folder;
  for (const Components components : {Components::kF32, Components::kF16}) {
    const auto spaces = SpacesOf(components, Codes::kBits);
    // Enough that a space of bytes would get a graph.
    const auto store = *Store::Open(folder.path() / ComponentsName(components),
                                    {.graph_points_least = 500, .build_in_background = false});
    const auto collection = *store->Create({.name = "c", .spaces = spaces});
    Numbers numbers;
    ASSERT_TRUE(collection->Upsert(PointsOf(numbers, spaces, 5'000)));
    ASSERT_TRUE(collection->BuildIndexes());
    size_t found = 0;
    constexpr size_t kQuestions = 20;
    for (size_t i = 0; i < kQuestions; ++i) {
      const auto question = numbers.Next();
      for (const Space& space : spaces) {
        Query query{.space = space.name, .vector = question, .k = 10, .search = Search::kExact};
        const auto exact = collection->Query(query);
        query.search = i % 2 == 0 ? Search::kAuto : Search::kGraph;
        const auto hits = collection->Query(query);
        ASSERT_TRUE(hits) << hits.error().message;
        ASSERT_EQ(hits->size(), 10U);
        const auto wanted = IdsOf(exact);
        for (const Hit& hit : *hits) found += wanted.contains(hit.point.id) ? 1 : 0;
        EXPECT_EQ(hits->front().score, exact->front().score);
      }
    }
    EXPECT_GE(static_cast<double>(found) / (10.0 * kQuestions * spaces.size()), 0.98);
  }
}

}  // namespace
}  // namespace weir::vectors
