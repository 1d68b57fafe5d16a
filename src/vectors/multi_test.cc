// Several vectors of a point as the library's callers see them, beside a model that measures all
// with all.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

#include "sqlite/database.h"
#include "vectors/distance.h"
#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

const std::vector<Space> kSpaces = {
    {.name = "cosine", .dimensions = 24, .metric = Metric::kCosine, .multi = true},
    {.name = "dot", .dimensions = 5, .metric = Metric::kDot, .multi = true},
    {.name = "l2", .dimensions = 33, .metric = Metric::kL2, .multi = true},
    {.name = "half",
     .dimensions = 8,
     .metric = Metric::kCosine,
     .components = Components::kF16,
     .multi = true},
    {.name = "bytes",
     .dimensions = 8,
     .metric = Metric::kL2,
     .components = Components::kU8,
     .multi = true},
    {.name = "one", .dimensions = 4}};

class Numbers {
 public:
  explicit Numbers(uint32_t seed) : random_(seed) {}

  MultiVector Next(const Space& space, uint32_t most) {
    MultiVector vectors(1 + Chance(most));
    for (auto& vector : vectors) {
      for (uint32_t i = 0; i < space.dimensions; ++i) {
        const float x = std::normal_distribution<float>(1)(random_);
        vector.push_back(Kept(space.components, space.components == Components::kU8
                                                    ? std::clamp(x * 60 + 100, 0.0F, 255.0F)
                                                    : x));
      }
    }
    return vectors;
  }
  uint32_t Chance(uint32_t of) { return static_cast<uint32_t>(random_() % of); }

 private:
  std::mt19937 random_;
};

double Similarity(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
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

// The larger the nearer.
double MaxSim(Metric metric, const MultiVector& query, const MultiVector& point) {
  double sum = 0;
  for (const auto& q : query) {
    double best = -1e300;
    for (const auto& p : point) best = std::max(best, Similarity(metric, q, p));
    sum += best;
  }
  return sum;
}

using Model = std::map<std::string, Point>;

void ExpectTheBest(const Collection& collection, const Model& model, const Space& space,
                   const Query& query, bool odd_alone) {
  const auto hits = collection.Query(query);
  ASSERT_TRUE(hits) << hits.error().message;
  std::map<std::string, double> scores;
  for (const auto& [id, point] : model) {
    if (odd_alone && !*point.payload.Find("odd")->AsBool()) continue;
    const auto there = point.multi.find(space.name);
    if (there == point.multi.end()) continue;
    const double score = MaxSim(space.metric, query.multi, there->second);
    scores[id] = space.metric == Metric::kL2 ? -std::sqrt(-score) : score;
  }
  std::vector<double> wanted;
  for (const auto& [id, score] : scores) wanted.push_back(score);
  std::ranges::sort(wanted, std::greater());
  ASSERT_EQ(hits->size(), std::min(query.k, wanted.size()));
  for (size_t i = 0; i < hits->size(); ++i) {
    const Hit& hit = (*hits)[i];
    const double score = space.metric == Metric::kL2 ? -hit.score : hit.score;
    const double close = 1e-4 * std::max(1.0, std::fabs(wanted[i]));
    EXPECT_NEAR(score, scores.at(hit.point.id), close) << space.name;
    EXPECT_NEAR(score, wanted[i], close) << space.name;
    EXPECT_EQ(hit.point, model.at(hit.point.id));
  }
}

int Seeds() {
  const char* const wanted = std::getenv("WEIR_SEEDS");
  return wanted != nullptr ? std::atoi(wanted) : 3;
}

TEST(Multi, TheLargestSumsAreFoundWhateverWasWrittenAndDeleted) {
  for (int seed = 1; seed <= Seeds(); ++seed) {
    SCOPED_TRACE(seed);
    const TestFolder folder;
    auto store = *Store::Open(folder.path() / "store");
    auto collection = *store->Create({.name = "c", .spaces = kSpaces});
    Numbers numbers(static_cast<uint32_t>(seed));
    Model model;
    for (int round = 0; round < 24; ++round) {
      std::vector<Point> points;
      for (uint32_t i = 0; i < (round == 9 ? 1'500U : numbers.Chance(60)); ++i) {
        const uint32_t number = numbers.Chance(2'500);
        Point point{.id = std::to_string(number)};
        point.payload = json::Object{{"odd", number % 2 == 1}};
        for (const Space& space : kSpaces) {
          if (space.multi && numbers.Chance(8) != 0)
            point.multi[space.name] = numbers.Next(space, round == 9 ? 3 : 12);
        }
        if (numbers.Chance(2) != 0) point.vectors["one"] = {1, 2, 3, 4};
        model[point.id] = point;
        points.push_back(std::move(point));
      }
      ASSERT_TRUE(collection->Upsert(points));
      if (round % 3 == 2) {
        std::vector<std::string> gone;
        for (int i = 0; i < 40; ++i) gone.push_back(std::to_string(numbers.Chance(2'500)));
        ASSERT_TRUE(collection->Delete(gone));
        for (const auto& id : gone) model.erase(id);
      }
      if (round == 15) {
        collection.reset();
        store.reset();
        store = *Store::Open(folder.path() / "store", {.check = true});
        collection = *store->Find("c");
      }
      if (round == 19) {
        const auto snapshot = store->MakeSnapshot("c");
        ASSERT_TRUE(snapshot);
        ASSERT_TRUE(collection->Delete(Filter{}));
        ASSERT_TRUE(store->Recover("c", *store->FindSnapshot("c", snapshot->name)));
        collection = *store->Find("c");
      }
      for (const Space& space : kSpaces) {
        if (!space.multi) continue;
        Query query{
            .space = space.name, .multi = numbers.Next(space, 8), .k = 1 + numbers.Chance(40)};
        query.parts = kAllParts;
        const bool odd_alone = round % 2 != 0;
        if (odd_alone) query.filter.must = {Match{"odd", {true}}};
        ExpectTheBest(*collection, model, space, query, odd_alone);
      }
    }
    EXPECT_EQ(collection->Count(), static_cast<int64_t>(model.size()));
  }
}

class MultiTest : public testing::Test {
 protected:
  std::shared_ptr<Collection> Make(std::vector<Space> spaces) {
    return *store_->Create({.name = "c", .spaces = std::move(spaces)});
  }
  static std::vector<std::string> Ids(const Result<std::vector<Hit>>& hits) {
    std::vector<std::string> ids;
    EXPECT_TRUE(hits) << hits.error().message;
    for (const Hit& hit : hits.value_or(std::vector<Hit>())) ids.push_back(hit.point.id);
    return ids;
  }
  using Strings = std::vector<std::string>;

  const TestFolder folder_;
  std::shared_ptr<Store> store_ = *Store::Open(folder_.path() / "store");
};

TEST_F(MultiTest, AQueryMayHaveOneVectorAndWordsBeside) {
  const auto c = Make({{.dimensions = 2, .metric = Metric::kDot, .multi = true}});
  ASSERT_TRUE(c->Upsert({{{.id = "a", .text = "ship", .multi = {{"", {{1, 0}, {0, 1}}}}},
                          {.id = "b", .text = "rope", .multi = {{"", {{3, 0}}}}},
                          {.id = "none", .text = "ship"}}}));
  EXPECT_EQ(Ids(c->Query({.vector = {1, 0}})), (Strings{"b", "a"}));
  EXPECT_EQ(Ids(c->Query({.multi = {{0, 1}, {0, 1}}})), (Strings{"a", "b"}));
  EXPECT_EQ(Ids(c->Query({.multi = {{1, 0}}, .score_limit = 2.0F})), (Strings{"b"}));
  EXPECT_EQ(Ids(c->Query({.multi = {{1, 0}}, .k = 1, .offset = 1})), (Strings{"a"}));
  EXPECT_EQ(Ids(c->Query({.multi = {{1, 0}}, .text = "ship"})).size(), 3U);
  EXPECT_EQ(c->Count({.must = {HasVector{""}}}), 2);
  // An index is never due.
  EXPECT_TRUE(c->BuildIndexes());
}

TEST_F(MultiTest, AnEditChangesAndTakesAway) {
  const auto c = Make({{.dimensions = 2, .metric = Metric::kDot, .multi = true}});
  ASSERT_TRUE(c->Upsert({{{.id = "a", .multi = {{"", {{1, 0}, {0, 1}}}}}, {.id = "b"}}}));
  const Strings both = {"a", "b"};
  ASSERT_EQ(c->Edit(both,
                    [](size_t, bool, Point& point) -> Result<bool> {
                      if (point.id == "a") {
                        EXPECT_EQ(point.multi[""].size(), 2U);
                        point.multi.clear();
                      } else {
                        point.multi[""] = {{0, 5}};
                      }
                      return true;
                    }),
            2);
  EXPECT_EQ(Ids(c->Query({.multi = {{0, 1}}})), (Strings{"b"}));
  EXPECT_TRUE((*c->Get(both))[0].multi.empty());
}

TEST_F(MultiTest, WhatIsNoneIsRefusedByName) {
  EXPECT_FALSE(store_->Create(
      {.name = "b", .spaces = {{.dimensions = 2, .codes = Codes::kBits, .multi = true}}}));
  EXPECT_FALSE(store_->Create(
      {.name = "b", .spaces = {{.metric = Metric::kDot, .sparse = true, .multi = true}}}));
  const auto c = Make({{.name = "m", .dimensions = 300, .multi = true},
                       {.name = "d", .dimensions = 2},
                       {.name = "s", .metric = Metric::kDot, .sparse = true}});
  const std::vector<float> good(300, 1);
  const std::vector<float> zero(300, 0);
  std::vector<float> nan = good;
  nan[7] = std::nanf("");
  const struct {
    Point point;
    std::string reason;
  } kBad[] = {
      {{.id = "a", .multi = {{"m", {}}}}, "no_vectors"},
      {{.id = "a", .multi = {{"m", {good, {}}}}}, "wrong_dimensions"},
      {{.id = "a", .multi = {{"m", {good, {1, 2}}}}}, "wrong_dimensions"},
      {{.id = "a", .multi = {{"m", {nan}}}}, "invalid_component"},
      {{.id = "a", .multi = {{"m", {good, zero}}}}, "zero_vector"},
      // 1,048,576 / 300
      {{.id = "a", .multi = {{"m", MultiVector(3'496, good)}}}, "too_many_vectors"},
      {{.id = "a", .multi = {{"d", {{1, 2}}}}}, "wrong_vector_kind"},
      {{.id = "a", .multi = {{"s", {{1, 2}}}}}, "wrong_vector_kind"},
      {{.id = "a", .multi = {{"x", {{1, 2}}}}}, "unknown_space"},
      {{.id = "a", .vectors = {{"m", good}}}, "wrong_vector_kind"},
      {{.id = "a", .sparse = {{"m", {{1}, {1}}}}}, "wrong_vector_kind"},
  };
  for (const auto& [point, reason] : kBad) {
    const auto put = c->Upsert({&point, 1});
    ASSERT_FALSE(put) << reason;
    EXPECT_EQ(put.error().reason, reason) << put.error().message;
    EXPECT_EQ(put.error().param, "points[0].vectors");
  }
  EXPECT_EQ(c->Count(), 0);
  const Point most{.id = "a", .multi = {{"m", MultiVector(3'495, good)}}};
  EXPECT_TRUE(c->Upsert({&most, 1}));
  const std::pair<Query, std::string> kQueries[] = {
      {{.space = "m"}, "wrong_dimensions"},
      {{.space = "m", .vector = {1, 2}}, "wrong_dimensions"},
      {{.space = "m", .vector = good, .multi = {good}}, "wrong_vector_kind"},
      {{.space = "m", .sparse = {{1}, {1}}}, "wrong_vector_kind"},
      {{.space = "m", .multi = {good, nan}}, "invalid_component"},
      {{.space = "m", .multi = MultiVector(3'496, good)}, "too_many_vectors"},
      {{.space = "d", .multi = {{1, 2}}}, "wrong_vector_kind"},
      {{.space = "s", .multi = {{1, 2}}}, "wrong_vector_kind"},
  };
  for (const auto& [query, reason] : kQueries) {
    const auto found = c->Query(query);
    ASSERT_FALSE(found) << reason;
    EXPECT_EQ(found.error().reason, reason) << found.error().message;
  }
}

TEST_F(MultiTest, AStoreFromBeforeIsReadAndMayHaveThemThen) {
  auto before = Make({{.dimensions = 2, .metric = Metric::kDot}});
  ASSERT_TRUE(before->Upsert({{{.id = "a", .vectors = {{"", {1, 2}}}}}}));
  store_.reset();
  before.reset();
  {
    auto db = sqlite::Database::Open(folder_.path() / "store" / "vectors.db",
                                     {.durability = sqlite::Durability::kFull, .check = true});
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->Execute("UPDATE weir_schema SET version = 3 WHERE component = 'vectors'"));
  }
  auto opened = Store::Open(folder_.path() / "store");
  ASSERT_TRUE(opened) << opened.error().message;
  store_ = *opened;
  EXPECT_EQ(Ids((*store_->Find("c"))->Query({.vector = {1, 0}})), (Strings{"a"}));
  const auto more = store_->Create(
      {.name = "more", .spaces = {{.dimensions = 2, .metric = Metric::kDot, .multi = true}}});
  ASSERT_TRUE(more);
  EXPECT_TRUE((*more)->Upsert({{{.id = "b", .multi = {{"", {{1, 2}, {3, 4}}}}}}}));
}

}  // namespace
}  // namespace weir::vectors
