// Queries by examples as the library's callers see them, beside the formulas written out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

constexpr uint32_t kDimensions = 6;

const std::vector<Space> kSpaces = {
    {.name = "cosine", .dimensions = kDimensions, .metric = Metric::kCosine},
    {.name = "dot", .dimensions = kDimensions, .metric = Metric::kDot},
    {.name = "l2", .dimensions = kDimensions, .metric = Metric::kL2},
    {.name = "bits", .dimensions = kDimensions, .metric = Metric::kDot, .codes = Codes::kBits},
    {.name = "multi", .dimensions = kDimensions, .metric = Metric::kL2, .multi = true},
    {.name = "sparse", .metric = Metric::kDot, .sparse = true},
    {.name = "rare", .metric = Metric::kDot, .sparse = true, .idf = true}};

class Numbers {
 public:
  std::vector<float> Vector() {
    std::vector<float> vector(kDimensions);
    for (float& x : vector) x = std::normal_distribution<float>(0.3F, 1)(random_);
    return vector;
  }
  SparseVector Sparse() {
    std::map<uint32_t, float> entries;
    for (uint32_t i = Below(5); i > 0; --i)
      entries[Below(12)] = std::normal_distribution<float>(1)(random_);
    SparseVector vector;
    for (const auto& [index, value] : entries) {
      vector.indices.push_back(index);
      vector.values.push_back(value);
    }
    return vector;
  }
  Example For(const Space& space) {
    if (space.sparse) return {.sparse = Sparse()};
    if (!space.multi) return {.vector = Vector()};
    Example example;
    for (uint32_t i = Below(3); i < 3; ++i) example.multi.push_back(Vector());
    return example;
  }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

 private:
  std::mt19937 random_{17};
};

using Model = std::map<std::string, Example>;

double Dense(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0, aa = 0, bb = 0, squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    dot += x * y;
    aa += x * x;
    bb += y * y;
    squares += (x - y) * (x - y);
  }
  if (metric == Metric::kL2) return -squares;
  return metric == Metric::kDot ? dot : dot / std::sqrt(aa * bb);
}

double WeightOf(const Model& model, uint32_t index) {
  double having = 0;
  for (const auto& [id, point] : model)
    having += std::ranges::find(point.sparse.indices, index) != point.sparse.indices.end() ? 1 : 0;
  return std::log(1 + (static_cast<double>(model.size()) - having + 0.5) / (having + 0.5));
}

double Similarity(const Space& space, const Model& model, const Example& example,
                  const Example& point) {
  double sum = 0;
  if (space.sparse) {
    for (size_t i = 0; i < example.sparse.indices.size(); ++i) {
      const uint32_t index = example.sparse.indices[i];
      const auto at = std::ranges::find(point.sparse.indices, index);
      if (at == point.sparse.indices.end()) continue;
      const auto value =
          point.sparse.values[static_cast<size_t>(at - point.sparse.indices.begin())];
      sum += static_cast<double>(example.sparse.values[i]) * value *
             (space.idf ? WeightOf(model, index) : 1);
    }
    return sum;
  }
  if (!space.multi) return Dense(space.metric, example.vector, point.vector);
  for (const auto& one : example.multi) {
    double best = -1e300;
    for (const auto& other : point.multi) best = std::max(best, Dense(space.metric, one, other));
    sum += best;
  }
  return sum;
}

double Score(const Likeness& likeness, const auto& similarity) {
  double like = -INFINITY, unlike = -INFINITY, sum = 0;
  for (const Example& example : likeness.like) {
    like = std::max(like, similarity(example));
    sum += similarity(example);
  }
  for (const Example& example : likeness.unlike) {
    unlike = std::max(unlike, similarity(example));
    sum -= similarity(example);
  }
  if (likeness.kind == Likeness::Kind::kSum) return sum;
  const auto scaled = [](double x) { return 0.5 * (x / (1 + std::fabs(x)) + 1); };
  return like > unlike ? scaled(like) : -scaled(unlike);
}

class Like : public testing::Test {
 protected:
  const TestFolder folder_;
  std::shared_ptr<Store> store_ = *Store::Open(folder_.path() / "store");
  std::shared_ptr<Collection> collection_ = *store_->Create({.name = "c", .spaces = kSpaces});
};

TEST_F(Like, EveryPointIsScoredByAllExamples) {
  Numbers numbers;
  std::map<std::string, Model> models;  // by space
  std::vector<Point> points;
  for (int i = 0; i < 700; ++i) {
    Point point{.id = std::to_string(i), .payload = json::Object{{"odd", i % 2 == 1}}};
    for (const Space& space : kSpaces) {
      if (numbers.Below(9) == 0) continue;
      const Example example = numbers.For(space);
      models[space.name][point.id] = example;
      if (space.sparse) point.sparse[space.name] = example.sparse;
      if (space.multi) point.multi[space.name] = example.multi;
      if (!space.sparse && !space.multi) point.vectors[space.name] = example.vector;
    }
    points.push_back(std::move(point));
  }
  ASSERT_TRUE(collection_->Upsert(points));
  std::vector<std::string> gone;
  for (int i = 0; i < 700; i += 7) gone.push_back(std::to_string(i));
  ASSERT_TRUE(collection_->Delete(gone));
  for (auto& [name, model] : models) {
    for (const auto& id : gone) model.erase(id);
  }
  for (int round = 0; round < 60; ++round) {
    const Space& space = kSpaces[static_cast<size_t>(round) % kSpaces.size()];
    const Model& model = models[space.name];
    Likeness likeness{.kind = numbers.Below(2) == 0 ? Likeness::Kind::kBest : Likeness::Kind::kSum};
    for (uint32_t i = numbers.Below(4); i > 0; --i) likeness.like.push_back(numbers.For(space));
    for (uint32_t i = numbers.Below(3); i > 0; --i) likeness.unlike.push_back(numbers.For(space));
    if (likeness.like.empty() && likeness.unlike.empty())
      likeness.like.push_back(numbers.For(space));
    Query query{.space = space.name, .likeness = likeness, .k = 1 + numbers.Below(500)};
    const bool odd_alone = numbers.Below(2) == 0;
    if (odd_alone) query.filter.must = {Match{"odd", {true}}};
    const auto hits = collection_->Query(query);
    ASSERT_TRUE(hits) << hits.error().message;
    std::map<std::string, double> scores;
    for (const auto& [id, point] : model) {
      if (odd_alone && std::stoi(id) % 2 == 0) continue;
      scores[id] = Score(likeness, [&](const Example& example) {
        return Similarity(space, model, example, point);
      });
    }
    std::vector<double> wanted;
    for (const auto& [id, score] : scores) wanted.push_back(score);
    std::ranges::sort(wanted, std::greater());
    ASSERT_EQ(hits->size(), std::min(query.k, wanted.size())) << space.name;
    for (size_t i = 0; i < hits->size(); ++i) {
      const double close = 1e-4 * std::max(1.0, std::fabs(wanted[i]));
      EXPECT_NEAR((*hits)[i].score, wanted[i], close) << space.name;
      EXPECT_NEAR((*hits)[i].score, scores.at((*hits)[i].point.id), close) << space.name;
    }
  }
}

TEST_F(Like, TheLimitOfTheScoreIsALowerOneOfDistancesToo) {
  const std::vector<float> zero(kDimensions, 0);
  std::vector<float> two = zero;
  two[0] = 2;
  ASSERT_TRUE(collection_->Upsert(
      {{{.id = "at", .vectors = {{"l2", zero}}}, {.id = "near", .vectors = {{"l2", two}}}}}));
  Query query{.space = "l2",
              .likeness = Likeness{.kind = Likeness::Kind::kSum, .like = {{.vector = zero}}}};
  auto hits = collection_->Query(query);
  ASSERT_TRUE(hits);
  ASSERT_EQ(hits->size(), 2U);
  EXPECT_EQ((*hits)[0].point.id, "at");
  EXPECT_EQ((*hits)[1].score, -4);
  query.score_limit = -1.0F;
  hits = collection_->Query(query);
  ASSERT_TRUE(hits);
  EXPECT_EQ(hits->size(), 1U);
}

TEST_F(Like, WhatIsNoneIsRefusedByName) {
  const Example good{.vector = std::vector<float>(kDimensions, 1)};
  const Example zero{.vector = std::vector<float>(kDimensions, 0)};
  const auto reason = [&](Query query) {
    const auto found = collection_->Query(query);
    EXPECT_FALSE(found);
    return found ? "" : found.error().reason;
  };
  EXPECT_EQ(reason({.space = "dot", .likeness = Likeness{}}), "no_examples");
  EXPECT_EQ(reason({.space = "dot", .likeness = Likeness{.like = {1'025, good}}}),
            "too_many_examples");
  EXPECT_EQ(reason({.space = "dot", .likeness = Likeness{.like = {{.vector = {1}}}}}),
            "wrong_dimensions");
  EXPECT_EQ(reason({.space = "cosine", .likeness = Likeness{.unlike = {zero}}}), "zero_vector");
  EXPECT_EQ(reason({.space = "sparse", .likeness = Likeness{.like = {good}}}), "wrong_vector_kind");
  EXPECT_EQ(reason({.space = "dot", .likeness = Likeness{.like = {{.sparse = {{1}, {1}}}}}}),
            "wrong_vector_kind");
  EXPECT_EQ(reason({.space = "x", .likeness = Likeness{.like = {good}}}), "unknown_space");
  EXPECT_EQ(reason({.space = "dot", .vector = good.vector, .likeness = Likeness{.like = {good}}}),
            "unsupported_query");
  EXPECT_EQ(reason({.space = "dot", .likeness = Likeness{.like = {good}}, .text = "x"}),
            "unsupported_query");
  EXPECT_TRUE(collection_->Query({.space = "dot", .likeness = Likeness{.like = {1'024, good}}})
                  .has_value());
}

}  // namespace
}  // namespace weir::vectors
