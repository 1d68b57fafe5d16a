// Sparse vectors as the library's callers see them, beside a model that multiplies one by one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

const std::vector<Space> kSpaces = {
    {.name = "dense", .dimensions = 2},
    {.name = "plain", .metric = Metric::kDot, .sparse = true},
    {.name = "rare", .metric = Metric::kDot, .sparse = true, .idf = true}};

class Numbers {
 public:
  // Few indices are frequent and many are rare, as words are.
  SparseVector Next(size_t most) {
    std::map<uint32_t, float> entries;
    const size_t count = random_() % (most + 1);
    for (size_t i = 0; i < count; ++i) {
      const double chance = std::uniform_real_distribution<double>(0, 1)(random_);
      const auto index = static_cast<uint32_t>(std::pow(chance, 3) * 300);
      entries[index * 14'000'000] = std::normal_distribution<float>(1)(random_);
    }
    SparseVector vector;
    for (const auto& [index, value] : entries) {
      vector.indices.push_back(index);
      vector.values.push_back(value);
    }
    return vector;
  }
  uint32_t Chance(uint32_t of) { return static_cast<uint32_t>(random_() % of); }

 private:
  std::mt19937 random_{11};
};

using Model = std::map<std::string, SparseVector>;

double WeightOf(const Model& model, uint32_t index) {
  double having = 0;
  for (const auto& [id, vector] : model) {
    having += std::ranges::find(vector.indices, index) != vector.indices.end() ? 1 : 0;
  }
  const auto all = static_cast<double>(model.size());
  return std::log(1 + (all - having + 0.5) / (having + 0.5));
}

std::map<std::string, double> ProductsOf(const Model& model, const SparseVector& query, bool idf) {
  std::map<std::string, double> products;
  std::map<uint32_t, double> weights;
  for (size_t q = 0; q < query.indices.size(); ++q) {
    weights[query.indices[q]] = query.values[q] * (idf ? WeightOf(model, query.indices[q]) : 1);
  }
  for (const auto& [id, vector] : model) {
    for (size_t i = 0; i < vector.indices.size(); ++i) {
      const auto weight = weights.find(vector.indices[i]);
      if (weight != weights.end()) products[id] += weight->second * vector.values[i];
    }
  }
  return products;
}

void ExpectTheBest(const Result<std::vector<Hit>>& hits, std::map<std::string, double> products,
                   size_t k) {
  ASSERT_TRUE(hits) << hits.error().message;
  std::vector<double> wanted;
  for (const auto& [id, product] : products) wanted.push_back(product);
  std::ranges::sort(wanted, std::greater());
  ASSERT_EQ(hits->size(), std::min(k, wanted.size()));
  for (size_t i = 0; i < hits->size(); ++i) {
    EXPECT_NEAR((*hits)[i].score, products.at((*hits)[i].point.id), 1e-4);
    EXPECT_NEAR((*hits)[i].score, wanted[i], 1e-4);
  }
}

TEST(Sparse, TheLargestProductsAreFoundWhateverWasWrittenAndDeleted) {
  const TestFolder folder;
  auto store = *Store::Open(folder.path() / "store");
  auto collection = *store->Create({.name = "c", .spaces = kSpaces});
  Numbers numbers;
  Model model;
  std::set<std::string> odd;
  for (int round = 0; round < 30; ++round) {
    std::vector<Point> points;
    for (uint32_t i = 0; i < (round == 12 ? 5'000U : numbers.Chance(60)); ++i) {
      const uint32_t number = numbers.Chance(9'000);
      Point point{.id = std::to_string(number)};
      point.payload = json::Object{{"odd", number % 2 == 1}};
      model.erase(point.id);
      if (numbers.Chance(8) != 0) {
        point.sparse["plain"] = point.sparse["rare"] = numbers.Next(20);
        model[point.id] = point.sparse["plain"];
      }
      points.push_back(std::move(point));
    }
    // Of two with one id the later counts, in the model too.
    ASSERT_TRUE(collection->Upsert(points));
    if (round % 3 == 2) {
      std::vector<std::string> gone;
      for (int i = 0; i < 50; ++i) gone.push_back(std::to_string(numbers.Chance(9'000)));
      ASSERT_TRUE(collection->Delete(gone));
      for (const auto& id : gone) model.erase(id);
    }
    if (round == 20) {
      collection.reset();
      store.reset();
      store = *Store::Open(folder.path() / "store", {.check = true});
      collection = *store->Find("c");
    }
    for (const char* space : {"plain", "rare"}) {
      Query query{.space = space, .sparse = numbers.Next(10), .k = 1 + numbers.Chance(40)};
      const bool idf = query.space == "rare";
      auto products = ProductsOf(model, query.sparse, idf);
      ExpectTheBest(collection->Query(query), products, query.k);
      query.filter.must = {Match{"odd", {true}}};
      std::erase_if(products, [](const auto& of) { return std::stoul(of.first) % 2 == 0; });
      ExpectTheBest(collection->Query(query), products, query.k);
    }
  }
  Filter with;
  with.must = {HasVector{"plain"}};
  EXPECT_EQ(*collection->Count(with), static_cast<int64_t>(model.size()));
}

TEST(Sparse, VectorsComeBackInOrderAlsoFromASnapshot) {
  const TestFolder folder;
  const auto store = *Store::Open(folder.path() / "store");
  const auto collection = *store->Create({.name = "c", .spaces = kSpaces});
  const std::vector<Point> points = {
      {.id = "a", .vectors = {{"dense", {1, 2}}}, .sparse = {{"plain", {{7, 3}, {0.5F, -2}}}}},
      {.id = "b", .sparse = {{"rare", {}}}},
      {.id = "c"}};
  ASSERT_TRUE(collection->Upsert(points));
  auto wanted = points;
  wanted[0].sparse["plain"] = {{3, 7}, {-2, 0.5F}};
  ASSERT_TRUE(store->Recover("copy", *store->FindSnapshot("c", store->MakeSnapshot("c")->name)));
  for (const char* name : {"c", "copy"}) {
    const auto found = *store->Find(name);
    EXPECT_EQ(found->spec().spaces, kSpaces);
    EXPECT_EQ(found->Scroll({})->points, wanted);
  }
  // What is edited is written as a whole.
  const std::vector<std::string> ids = {"a"};
  ASSERT_TRUE(collection->Edit(ids, [](size_t, bool, Point& point) -> Result<bool> {
    point.sparse["plain"].values[0] = 9;
    return true;
  }));
  EXPECT_EQ(collection->Query({.space = "plain", .sparse = {{3}, {1}}})->front().score, 9);
  EXPECT_EQ(collection->Query({.space = "dense", .vector = {1, 2}})->size(), 1U);
}

TEST(Sparse, BadInputIsRefusedByNameAndNothingIsWritten) {
  const TestFolder folder;
  const auto store = *Store::Open(folder.path() / "store");
  const auto collection = *store->Create({.name = "c", .spaces = kSpaces});
  const auto put = [&](std::string space, SparseVector vector) {
    const Point point{.id = "a", .sparse = {{std::move(space), std::move(vector)}}};
    const auto done = collection->Upsert({&point, 1});
    return done ? std::string() : done.error().reason;
  };
  EXPECT_EQ(put("plain", {{1, 2}, {1}}), "invalid_sparse_vector");
  EXPECT_EQ(put("plain", {{2, 1, 2}, {1, 1, 1}}), "invalid_sparse_vector");
  EXPECT_EQ(put("plain", {{1}, {std::nanf("")}}), "invalid_component");
  EXPECT_EQ(put("none", {{1}, {1}}), "unknown_space");
  EXPECT_EQ(put("dense", {{1}, {1}}), "wrong_vector_kind");
  SparseVector large;
  for (uint32_t i = 0; i <= Limits::kSparseValues; ++i) large.indices.push_back(i);
  large.values.assign(large.indices.size(), 1);
  EXPECT_EQ(put("plain", large), "sparse_vector_too_large");
  const Point dense{.id = "a", .vectors = {{"plain", {1, 2}}}};
  EXPECT_EQ(collection->Upsert({&dense, 1}).error().reason, "wrong_vector_kind");
  EXPECT_EQ(*collection->Count(), 0);
  const auto refused = [&](const Query& query) { return collection->Query(query).error().reason; };
  EXPECT_EQ(refused({.space = "plain", .vector = {1, 2}}), "wrong_vector_kind");
  EXPECT_EQ(refused({.space = "dense", .sparse = {{1}, {1}}}), "wrong_vector_kind");
  EXPECT_EQ(refused({.space = "plain", .sparse = {{1, 1}, {1, 1}}}), "invalid_sparse_vector");
  EXPECT_EQ(refused({.space = "plain", .sparse = {{1}, {1}}, .text = "x"}), "unsupported_query");
  EXPECT_TRUE(collection->Query({.space = "plain"})->empty());
  for (const Space& space :
       {Space{.name = "s", .dimensions = 3, .sparse = true}, Space{.name = "s", .sparse = true},
        Space{.name = "s", .dimensions = 3, .idf = true}}) {
    EXPECT_EQ(store->Create({.name = "d", .spaces = {space}}).error().code, Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace weir::vectors
