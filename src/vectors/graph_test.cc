#include "vectors/graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "vectors/distance.h"
#include "vectors/graph_builder.h"
#include "vectors/graph_file.h"
#include "vectors/row_builder.h"
#include "vectors/scan_search.h"
#include "vectors/space_search.h"
#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

constexpr size_t kDimensions = 32;
const Space kSpace{.dimensions = kDimensions};

// Vectors on few latent dimensions, as embeddings are.
class Rows {
 public:
  explicit Rows(uint32_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> basis(kLatent * kDimensions);
    for (float& x : basis) x = normal(random_);
    for (uint32_t i = 0; i < count; ++i) {
      std::vector<float> vector(kDimensions);
      for (size_t l = 0; l < kLatent; ++l) {
        const float weight = normal(random_);
        for (size_t d = 0; d < kDimensions; ++d) vector[d] += weight * basis[l * kDimensions + d];
      }
      Prepare(Metric::kCosine, vector, reinterpret_cast<float*>(vectors_.Append()));
      Encode({reinterpret_cast<const float*>(vectors_.Look().At(i)), Padded(kDimensions)},
             kDimensions, codes_.Append());
    }
  }
  SpaceView Look() const { return {vectors_.Look(), codes_.Look(), nullptr}; }
  std::vector<float> Vector(uint32_t row) const {
    const auto* vector = reinterpret_cast<const float*>(vectors_.Look().At(row));
    return {vector, vector + kDimensions};
  }

 private:
  static constexpr size_t kLatent = 12;
  std::mt19937 random_{3};
  RowArray vectors_{Padded(kDimensions) * sizeof(float)};
  RowArray codes_{RecordBytes(kDimensions)};
};

Graph Build(const Rows& rows, uint32_t count, size_t threads = 1, const Graph& from = Graph(),
            const Bitmap& left_out = Bitmap()) {
  GraphBuilder builder(from, rows.Look().codes, Metric::kCosine, kDimensions);
  const std::atomic<bool> stop = false;
  Bitmap out(count);
  out.Or(left_out);
  EXPECT_TRUE(builder.Extend(count, out, threads, stop));
  return builder.Take();
}

std::set<uint32_t> Reached(const Graph& graph) {
  std::set<uint32_t> reached = {graph.entry()};
  std::vector<uint32_t> open = {graph.entry()};
  while (!open.empty()) {
    const uint32_t row = open.back();
    open.pop_back();
    for (const uint32_t link : graph.LinksOf(row, 0)) {
      if (reached.insert(link).second) open.push_back(link);
    }
  }
  return reached;
}

// How many of the true ten nearest the graph finds with a beam of 64.
double Recall(const Rows& rows, const Graph& graph, const Bitmap* eligible = nullptr) {
  size_t found = 0;
  size_t wanted = 0;
  for (uint32_t i = 0; i < 60; ++i) {
    const Target target(kSpace, rows.Vector(i * 17 % graph.rows()));
    const auto exact = SearchExactly(rows.Look(), target, eligible, graph.rows(), 10);
    Best best(40);
    SearchGraph(graph, rows.Look().codes, target.code, eligible, 64, best);
    const auto near = Refine(rows.Look(), target, best.Take(), 10);
    for (const Candidate& want : exact) {
      ++wanted;
      for (const Candidate& have : near) found += have.row == want.row ? 1 : 0;
    }
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

TEST(Graph, FindsNearlyAllAndReachesEveryRow) {
  const Rows rows(4'000);
  for (const size_t threads : {1, 3}) {
    const Graph graph = Build(rows, 4'000, threads);
    EXPECT_EQ(Reached(graph).size(), 4'000U);
    EXPECT_GE(Recall(rows, graph), 0.97) << threads << " threads";
  }
}

// Of the true ten nearest eligible rows, how many FindNearest gives by way of the graph.
double FilteredRecall(const Rows& rows, const Graph& graph, const Bitmap& eligible,
                      const std::vector<uint32_t>& queries) {
  SearchCost cost(kDimensions);
  size_t found = 0;
  size_t wanted = 0;
  for (const uint32_t row : queries) {
    const Target target(kSpace, rows.Vector(row));
    const SpaceView space = rows.Look();
    SpaceSearch search{.space = space,
                       .rows = graph.rows(),
                       .graph = &graph,
                       .eligible = &eligible,
                       .count = 10,
                       .search = Search::kExact};
    const auto exact = FindNearest(search, target, cost);
    search.search = Search::kGraph;
    const auto near = FindNearest(search, target, cost);
    EXPECT_EQ(near.size(), exact.size());
    wanted += exact.size();
    for (const Candidate& want : exact) {
      EXPECT_TRUE(eligible.Test(want.row));
      for (const Candidate& have : near) found += have.row == want.row ? 1 : 0;
    }
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

TEST(Graph, FiltersFindNearlyAllWhereverTheirRowsLie) {
  constexpr uint32_t kRows = 6'000;
  const Rows rows(kRows);
  const Graph graph = Build(rows, kRows, 2);
  // In the order of one component: the queries are those where it is largest.
  std::vector<uint32_t> order(kRows);
  for (uint32_t row = 0; row < kRows; ++row) order[row] = row;
  std::ranges::sort(order, {}, [&](uint32_t row) { return rows.Vector(row)[0]; });
  const std::vector<uint32_t> far(order.end() - 60, order.end());
  for (const uint32_t share : {1, 5, 20, 50, 90}) {
    Bitmap by_chance(kRows);
    Bitmap far_side(kRows);
    for (uint32_t i = 0; i < kRows; ++i) {
      if (i * 7'919 % 100 < share) by_chance.Set(i);
      if (i < kRows * share / 100) far_side.Set(order[i]);
    }
    EXPECT_GE(FilteredRecall(rows, graph, by_chance, far), 0.99) << share << " % by chance";
    EXPECT_GE(FilteredRecall(rows, graph, far_side, far), 0.99) << share << " % far away";
  }
}

TEST(Graph, ABuildWithOneThreadCanBeRepeated) {
  const Rows rows(1'500);
  EXPECT_EQ(Build(rows, 1'500).Pack(), Build(rows, 1'500).Pack());
}

TEST(Graph, GrowsFromAShorterOne) {
  const Rows rows(3'000);
  Graph graph = Build(rows, 1);
  for (const uint32_t count : {2, 500, 501, 3'000}) {
    graph = Build(rows, count, 1, graph);
    EXPECT_EQ(Reached(graph).size(), count);
  }
  EXPECT_GE(Recall(rows, graph), 0.97);
}

TEST(Graph, NothingAndRowsThatAreLeftOutAreNoRows) {
  const Rows rows(100);
  Bitmap left_out(100, true);
  const Graph empty = Build(rows, 100, 1, Graph(), left_out);
  EXPECT_EQ(empty.entry(), Graph::kNone);
  Best best(5);
  EXPECT_EQ(
      SearchGraph(empty, rows.Look().codes, Target(kSpace, rows.Vector(0)).code, nullptr, 10, best),
      0U);
  left_out.Clear(7);
  left_out.Clear(9);
  EXPECT_EQ(Reached(Build(rows, 100, 1, Graph(), left_out)), (std::set<uint32_t>{7, 9}));
}

TEST(Graph, ManyEqualRowsAreAllReached) {
  RowArray codes(RecordBytes(kDimensions));
  const std::vector<float> ones(kDimensions, 1);
  for (int i = 0; i < 500; ++i) Encode(ones, kDimensions, codes.Append());
  GraphBuilder builder(Graph(), codes.Look(), Metric::kL2, kDimensions);
  const std::atomic<bool> stop = false;
  ASSERT_TRUE(builder.Extend(500, Bitmap(500), 1, stop));
  EXPECT_EQ(Reached(builder.Take()).size(), 500U);
}

TEST(Graph, PacksAndRefusesWhatIsNoGraph) {
  const Rows rows(300);
  const Graph graph = Build(rows, 300);
  auto bytes = graph.Pack();
  Graph again;
  ASSERT_TRUE(again.Unpack(bytes));
  EXPECT_EQ(again.Pack(), bytes);
  EXPECT_FALSE(Graph().Unpack(std::span(bytes).first(bytes.size() - 1)));
  // Every single byte may be anything: what is taken has links that lead to rows.
  for (size_t at = 0; at < bytes.size(); at += 7) {
    auto changed = bytes;
    changed[at] = std::byte{0xfe};
    Graph other;
    if (!other.Unpack(changed)) continue;
    for (uint32_t row = 0; row < other.rows(); ++row) {
      for (const uint32_t link : other.LinksOf(row, 0)) ASSERT_LT(link, other.rows());
    }
  }
}

TEST(Graph, RenamingKeepsItWholeAroundTheRowsThatAreGone) {
  const Rows rows(3'000);
  const Graph graph = Build(rows, 3'000);
  // Every fourth is gone.
  Rows left(0);
  std::vector<uint32_t> now(3'000, Graph::kNone);
  uint32_t count = 0;
  for (uint32_t row = 0; row < 3'000; ++row) {
    if (row % 4 != 0) now[row] = count++;
  }
  const Graph renamed = graph.Renamed(now, count);
  EXPECT_EQ(renamed.rows(), count);
  for (uint32_t row = 0; row < count; ++row) {
    const auto links = renamed.LinksOf(row, 0);
    EXPECT_EQ(std::set<uint32_t>(links.begin(), links.end()).size(), links.size());
    for (const uint32_t link : links) EXPECT_NE(link, row);
  }
  EXPECT_GE(Reached(renamed).size(), count - 10);
}

// ---- through the store

std::vector<Point> Points(const Rows& rows, uint32_t from, uint32_t to) {
  std::vector<Point> points;
  for (uint32_t i = from; i < to; ++i) {
    points.push_back({.id = std::to_string(i), .vectors = {{"", rows.Vector(i)}}});
  }
  return points;
}

std::vector<std::string> Found(const Collection& c, const Rows& rows, Search search) {
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < 20; ++i) {
    const auto hits = c.Query({.vector = rows.Vector(i * 31), .k = 5, .search = search});
    EXPECT_TRUE(hits);
    EXPECT_EQ(hits->size(), 5U);
    for (const Hit& hit : *hits) ids.push_back(hit.point.id);
  }
  return ids;
}

TEST(Graph, VectorsThatAreHardToFindGetAWiderBeam) {
  const TestFolder folder;
  constexpr uint32_t kHard = 64;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const auto free_vector = [&] {
    std::vector<float> vector(kHard);
    for (float& x : vector) x = normal(random);
    return vector;
  };
  auto store = *Store::Open(folder.path() / "store", {.build_in_background = false});
  auto c = *store->Create({.name = "c", .spaces = {{.dimensions = kHard}}});
  for (int batch = 0; batch < 4; ++batch) {
    std::vector<Point> points;
    for (int i = 0; i < 5'000; ++i) {
      points.push_back({.id = std::to_string(batch * 5'000 + i), .vectors = {{"", free_vector()}}});
    }
    ASSERT_TRUE(c->Upsert(points));
  }
  ASSERT_TRUE(c->BuildIndexes(2));
  size_t found = 0;
  size_t wanted = 0;
  for (int i = 0; i < 50; ++i) {
    Query query{.vector = free_vector(), .search = Search::kExact};
    std::set<std::string> nearest;
    for (const Hit& hit : *c->Query(query)) nearest.insert(hit.point.id);
    query.search = Search::kGraph;
    for (const Hit& hit : *c->Query(query)) found += nearest.count(hit.point.id);
    wanted += nearest.size();
  }
  EXPECT_GE(static_cast<double>(found), 0.98 * static_cast<double>(wanted));
}

TEST(GraphFile, IsUsedAgainAndABadOneIsBuiltAgainWhileSearchesGoOn) {
  const TestFolder folder;
  const auto path = folder.path() / "store";
  const auto file = path / "index" / "1-0.graph";
  const Rows rows(2'000);
  const StoreOptions options{.graph_points_least = 500};
  std::vector<std::string> wanted;
  {
    auto store = *Store::Open(path, options);
    auto c = *store->Create({.name = "c", .spaces = {{.dimensions = kDimensions}}});
    ASSERT_TRUE(c->Upsert(Points(rows, 0, 2'000)));
    wanted = Found(*c, rows, Search::kExact);
    ASSERT_TRUE(c->BuildIndexes(2));
    EXPECT_EQ(Found(*c, rows, Search::kGraph), wanted);
    // Deleted after the file was written.
    ASSERT_TRUE(c->Delete(std::vector<std::string>{"1999"}));
  }
  std::string whole;
  {
    std::ifstream stream(file, std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(stream), {});
  }
  ASSERT_GT(whole.size(), 2'000U * 132);
  const auto write = [&](std::string_view content) {
    std::ofstream(file, std::ios::binary | std::ios::trunc)
        .write(content.data(), static_cast<ssize_t>(content.size()));
  };
  for (int damage = 0; damage < 5; ++damage) {
    std::string content = whole;
    if (damage == 1) content.resize(content.size() / 2);
    if (damage == 2) content[content.size() - 70'000] ^= 1;
    if (damage == 3) content.clear();
    write(content);
    if (damage == 4) std::filesystem::remove(file);
    std::ofstream(path / "index" / "77-0.graph") << "of nobody";
    auto store = Store::Open(path, options);
    ASSERT_TRUE(store);
    EXPECT_FALSE(std::filesystem::exists(path / "index" / "77-0.graph"));
    auto c = *(*store)->Find("c");
    EXPECT_EQ(Found(*c, rows, Search::kAuto), wanted);
    ASSERT_TRUE(c->BuildIndexes());
    EXPECT_EQ(Found(*c, rows, Search::kGraph), wanted);
    EXPECT_TRUE(std::filesystem::exists(file));
  }
}

TEST(GraphFile, DamagedInAnyBlockIsNoticedAndBuiltAgain) {
  const TestFolder folder;
  const auto path = folder.path() / "store";
  const auto file = path / "index" / "1-0.graph";
  const Rows rows(2'000);
  const StoreOptions options{.graph_points_least = 500, .build_in_background = false};
  {
    auto store = *Store::Open(path, options);
    auto c = *store->Create({.name = "c", .spaces = {{.dimensions = kDimensions}}});
    ASSERT_TRUE(c->Upsert(Points(rows, 0, 2'000)));
    ASSERT_TRUE(c->BuildIndexes());
  }
  std::ifstream stream(file, std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(stream), {});
  constexpr size_t kBlock = size_t{64} << 10;
  for (size_t at = 0; at < whole.size(); at = std::min(at + kBlock, at + whole.size() / 8)) {
    for (const bool cut : {false, true}) {
      std::string damaged = whole;
      if (cut) {
        damaged.resize(at);
      } else {
        damaged[at] = static_cast<char>(damaged[at] ^ 16);
      }
      std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
      const std::string where = (cut ? "cut at " : "flipped at ") + std::to_string(at);
      auto store = *Store::Open(path, options);
      auto c = *store->Find("c");
      EXPECT_EQ(c->Query({.vector = rows.Vector(9), .k = 30})->size(), 30U) << where;
      ASSERT_TRUE(c->BuildIndexes());
      std::ifstream again(file, std::ios::binary);
      EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(again), {}) == whole) << where;
    }
  }
}

// Rows `from` up to `to` with their number as seq, without those that `skip` names.
std::shared_ptr<const View> ViewOf(const Rows& rows, uint32_t from, uint32_t to, uint32_t shift,
                                   uint32_t skip) {
  const std::vector<Space> spaces = {{.dimensions = kDimensions}};
  RowBuilder builder(spaces);
  for (uint32_t i = from; i < to; ++i) {
    if (i == skip) continue;
    const auto vector = rows.Vector(i + shift);
    const RowBuilder::Vector vectors[] = {{.dense = vector}};
    builder.AddRow(i, std::to_string(i), {}, {}, vectors);
  }
  return builder.Look();
}

TEST(GraphFile, IsTakenOnlyForTheRowsThatItWasMadeOf) {
  const TestFolder folder;
  const Rows rows(700);
  const Space space{.dimensions = kDimensions};
  const GraphPlace place{.folder = folder.path(), .collection = 7, .space = 0};
  constexpr uint32_t kNobody = 1'000;
  // 50 to 349 without 200.
  const auto view = ViewOf(rows, 50, 350, 0, 200);
  GraphBuilder builder(Graph(), view->spaces[0].codes, Metric::kCosine, kDimensions);
  const std::atomic<bool> stop = false;
  ASSERT_TRUE(builder.Extend(view->rows, Bitmap(view->rows), 1, stop));
  const Graph graph = builder.Take();
  ASSERT_TRUE(WriteGraph(place, space, *view, graph));
  // How many rows are taken, or why none.
  const auto read = [&](const View& now) {
    const auto taken = ReadGraph(place, space, now);
    return taken ? std::to_string(taken->rows()) : taken.error().reason;
  };
  ASSERT_EQ(read(*view), "299");
  EXPECT_EQ(ReadGraph(place, space, *view)->Pack(), graph.Pack());
  // Deleted since, and added since.
  EXPECT_EQ(read(*ViewOf(rows, 100, 400, 0, 200)), "249");
  EXPECT_EQ(read(*ViewOf(rows, 400, 500, 0, kNobody)), "0");
  // Points that were not there when it was written, and others under the same numbers.
  EXPECT_EQ(read(*ViewOf(rows, 50, 350, 0, kNobody)), "index_damaged");
  EXPECT_EQ(read(*ViewOf(rows, 40, 350, 0, 200)), "index_damaged");
  EXPECT_EQ(read(*ViewOf(rows, 50, 350, 300, 200)), "index_damaged");
  const Space other{.dimensions = kDimensions, .metric = Metric::kL2};
  EXPECT_FALSE(ReadGraph(place, other, *view));
}

TEST(GraphFile, OfPointsThatHaveOtherVectorsNowDoesNoHarm) {
  const TestFolder folder;
  const Rows rows(1'200);
  const StoreOptions options{.graph_points_least = 500};
  const auto fill = [&](const char* name, uint32_t from) {
    auto store = *Store::Open(folder.path() / name, options);
    auto c = *store->Create({.name = "c", .spaces = {{.dimensions = kDimensions}}});
    EXPECT_TRUE(c->Upsert(Points(rows, from, from + 600)));
    EXPECT_TRUE(c->BuildIndexes());
  };
  fill("a", 0);
  fill("b", 600);
  const auto target = folder.path() / "a" / "index" / "1-0.graph";
  std::filesystem::copy_file(folder.path() / "b" / "index" / "1-0.graph", target,
                             std::filesystem::copy_options::overwrite_existing);
  auto store = *Store::Open(folder.path() / "a", options);
  auto c = *store->Find("c");
  EXPECT_EQ(Found(*c, Rows(1'200), Search::kAuto).size(), 100U);
  ASSERT_TRUE(c->BuildIndexes());
  const auto hits = c->Query({.vector = rows.Vector(3), .k = 1, .search = Search::kGraph});
  EXPECT_EQ(hits->front().point.id, "3");
}

}  // namespace
}  // namespace weir::vectors
