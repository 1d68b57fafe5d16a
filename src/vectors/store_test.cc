#include "vectors/store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <limits>
#include <set>
#include <thread>

#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

std::shared_ptr<Store> MustOpen(const std::filesystem::path& folder) {
  auto store = Store::Open(folder, {.check = true});
  EXPECT_TRUE(store) << store.error().message;
  return store ? *store : nullptr;
}

Point MakePoint(std::string id, std::vector<float> vector, json::Value payload = {}) {
  return {.id = std::move(id), .vectors = {{"", std::move(vector)}}, .payload = std::move(payload)};
}

std::vector<std::string> IdsOf(const std::vector<Hit>& hits) {
  std::vector<std::string> ids;
  for (const Hit& hit : hits) ids.push_back(hit.point.id);
  return ids;
}

using Strings = std::vector<std::string>;

class StoreTest : public testing::Test {
 protected:
  std::shared_ptr<Collection> Create(std::vector<Space> spaces = {
                                         {.dimensions = 2, .metric = Metric::kL2}}) {
    store_ = MustOpen(folder_.path() / "store");
    auto made = store_->Create({.name = "c", .spaces = std::move(spaces)});
    EXPECT_TRUE(made);
    return *made;
  }
  // Closes the store and opens it again.
  std::shared_ptr<Collection> Reopen(std::shared_ptr<Collection>& collection) {
    collection.reset();
    store_.reset();
    store_ = MustOpen(folder_.path() / "store");
    auto found = store_->Find("c");
    EXPECT_TRUE(found);
    return *found;
  }

  TestFolder folder_;
  std::shared_ptr<Store> store_;
};

TEST_F(StoreTest, FindsTheNearestFirst) {
  auto c = Create();
  ASSERT_TRUE(c->Upsert(std::vector{MakePoint("far", {5, 5}), MakePoint("near", {1, 0}),
                                    MakePoint("nearest", {0, 0.5F})}));
  const auto hits = c->Query({.vector = {0, 0}, .k = 2});
  ASSERT_TRUE(hits);
  EXPECT_EQ(IdsOf(*hits), (Strings{"nearest", "near"}));
  EXPECT_FLOAT_EQ((*hits)[0].score, 0.5F);
  EXPECT_EQ(IdsOf(*c->Query({.vector = {0, 0}, .k = 9, .offset = 1})), (Strings{"near", "far"}));
  EXPECT_EQ(IdsOf(*c->Query({.vector = {0, 0}, .score_limit = 0.75F})), (Strings{"nearest"}));
}

TEST_F(StoreTest, EachMetricOrdersInItsOwnWay) {
  auto c =
      Create({{"cosine", 2, Metric::kCosine}, {"dot", 2, Metric::kDot}, {"l2", 2, Metric::kL2}});
  const auto point = [](std::string id, std::vector<float> v) {
    return Point{.id = std::move(id), .vectors = {{"cosine", v}, {"dot", v}, {"l2", v}}};
  };
  ASSERT_TRUE(c->Upsert(
      std::vector{point("long", {8, 8}), point("short", {0.5F, 0}), point("middle", {2, 1})}));
  const std::vector<float> vector = {1, 0};
  EXPECT_EQ(IdsOf(*c->Query({.space = "cosine", .vector = vector})),
            (Strings{"short", "middle", "long"}));
  EXPECT_EQ(IdsOf(*c->Query({.space = "dot", .vector = vector})),
            (Strings{"long", "middle", "short"}));
  const auto l2 = c->Query({.space = "l2", .vector = vector});
  EXPECT_EQ(IdsOf(*l2), (Strings{"short", "middle", "long"}));
  EXPECT_FLOAT_EQ((*l2)[1].score, std::sqrt(2.0F));
  EXPECT_EQ(c->Query({.vector = vector}).error().reason, "space_not_named");
}

TEST_F(StoreTest, PointsMayLackASpace) {
  auto c = Create({{"a", 1, Metric::kDot}, {"b", 1, Metric::kDot}});
  ASSERT_TRUE(c->Upsert(std::vector<Point>{
      {.id = "1", .vectors = {{"a", {1}}}}, {.id = "2", .vectors = {{"b", {1}}}}, {.id = "3"}}));
  EXPECT_EQ(IdsOf(*c->Query({.space = "a", .vector = {1}})), (Strings{"1"}));
  EXPECT_EQ(IdsOf(*c->Query({.space = "b", .vector = {1}})), (Strings{"2"}));
  EXPECT_EQ(c->Count({.must = {HasVector{"a"}}}), 1);
  EXPECT_EQ(c->Count(), 3);
}

TEST_F(StoreTest, GivesBackWhatWasPutIn) {
  auto c = Create();
  const Point point{.id = "ü",
                    .vectors = {{"", {0.1F, -7}}},
                    .payload = json::Object{{"deep", json::Object{{"n", json::Array{1, "x"}}}}},
                    .text = "words"};
  ASSERT_TRUE(c->Upsert({&point, 1}));
  c = Reopen(c);
  EXPECT_EQ(c->Get(Strings{"none", "ü"}), (std::vector<Point>{point}));
  const auto hits = c->Query({.vector = {0, 0}, .parts = kAllParts});
  ASSERT_TRUE(hits);
  ASSERT_EQ(hits->size(), 1U);
  EXPECT_EQ((*hits)[0].point, point);
}

TEST_F(StoreTest, AnUpsertReplacesAndADeleteRemoves) {
  auto c = Create();
  ASSERT_TRUE(c->Upsert(
      std::vector{MakePoint("a", {1, 1}), MakePoint("b", {2, 2}), MakePoint("a", {3, 3})}));
  EXPECT_EQ(c->Count(), 2);
  EXPECT_EQ(IdsOf(*c->Query({.vector = {1, 1}})), (Strings{"b", "a"}));
  EXPECT_EQ(c->Delete(Strings{"b", "b", "none"}), 1);
  EXPECT_EQ(c->Count(), 1);
  c = Reopen(c);
  EXPECT_EQ(IdsOf(*c->Query({.vector = {1, 1}})), (Strings{"a"}));
}

TEST_F(StoreTest, ScrollsInTheOrderOfIds) {
  auto c = Create();
  std::vector<Point> points;
  for (const char* id : {"d", "b", "a", "e", "c"}) {
    points.push_back(MakePoint(id, {1, 1}, json::Object{{"odd", (id[0] - 'a') % 2 == 0}}));
  }
  ASSERT_TRUE(c->Upsert(points));
  Strings seen;
  ScrollQuery query{.limit = 2};
  for (;;) {
    const auto page = c->Scroll(query);
    ASSERT_TRUE(page);
    for (const Point& point : page->points) seen.push_back(point.id);
    if (!page->next) break;
    query.after = *page->next;
  }
  EXPECT_EQ(seen, (Strings{"a", "b", "c", "d", "e"}));
  const auto odd = c->Scroll({.limit = 3, .filter = {.must = {Match{"odd", {true}}}}});
  EXPECT_EQ(odd->points.size(), 3U);
  EXPECT_EQ(odd->next, std::nullopt);
}

TEST_F(StoreTest, DeletesByFilter) {
  auto c = Create();
  std::vector<Point> points;
  for (int i = 0; i < 10; ++i) {
    points.push_back(MakePoint(std::to_string(i), {1, 1}, json::Object{{"n", i}}));
  }
  ASSERT_TRUE(c->Upsert(points));
  EXPECT_EQ(c->Delete(Filter{.must = {Range{.path = "n", .gte = 4}}}), 6);
  EXPECT_EQ(c->Count(), 4);
}

TEST_F(StoreTest, CollectionsHaveNames) {
  auto c = Create();
  EXPECT_EQ(store_->Create(c->spec()).error().reason, "collection_exists");
  EXPECT_EQ(store_->Find("x").error().code, Code::kNotFound);
  ASSERT_TRUE(store_->Create({.name = "b"}));
  EXPECT_EQ(store_->List()->size(), 2U);
  ASSERT_TRUE(store_->Drop("c"));
  EXPECT_EQ(c->Count().error().code, Code::kNotFound);
  EXPECT_EQ(c->Upsert({}).error().code, Code::kNotFound);
  EXPECT_EQ(store_->List()->size(), 1U);
  auto again = store_->Create({.name = "c"});
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->Count(), 0);
}

TEST_F(StoreTest, RefusesWhatItCannotTakeAndWritesNothing) {
  auto c = Create({{.dimensions = 2, .metric = Metric::kCosine}});
  const auto reason = [&](Point bad) {
    const auto done = c->Upsert(std::vector{MakePoint("good", {1, 1}), std::move(bad)});
    return done ? "accepted" : done.error().reason;
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(reason(MakePoint("x", {1, 2, 3})), "wrong_dimensions");
  EXPECT_EQ(reason(MakePoint("x", {})), "wrong_dimensions");
  EXPECT_EQ(reason(MakePoint("x", {1, nan})), "invalid_component");
  EXPECT_EQ(reason(MakePoint("x", {-infinity, 0})), "invalid_component");
  EXPECT_EQ(reason(MakePoint("x", {3e38F, 0})), "invalid_component");
  EXPECT_EQ(reason(MakePoint("x", {0, 0})), "zero_vector");
  EXPECT_EQ(reason(MakePoint("", {1, 1})), "invalid_id");
  EXPECT_EQ(reason(MakePoint(std::string(513, 'x'), {1, 1})), "invalid_id");
  EXPECT_EQ(reason(MakePoint("\xff", {1, 1})), "invalid_id");
  EXPECT_EQ(reason(MakePoint("x", {1, 1}, json::Array{})), "invalid_payload");
  EXPECT_EQ(reason(MakePoint("x", {1, 1}, json::Object{{"a", std::string(2'000'000, 'x')}})),
            "payload_too_large");
  EXPECT_EQ(reason({.id = "x", .vectors = {{"other", {1, 1}}}}), "unknown_space");
  EXPECT_EQ(c->Upsert(std::vector<Point>(20'000)).error().reason, "batch_too_large");
  EXPECT_EQ(c->Count(), 0);

  json::Value deep;
  for (int i = 0; i < 40; ++i) deep = json::Object{{"a", std::move(deep)}};
  EXPECT_EQ(reason(MakePoint("x", {1, 1}, std::move(deep))), "payload_too_deep");
  EXPECT_EQ(c->Query({.vector = {1, 1}, .k = 0}).error().param, "k");
  EXPECT_EQ(c->Query({.vector = {1, 1}, .k = 1'000'000}).error().param, "k");
  EXPECT_EQ(c->Query({.vector = {1, nan}}).error().reason, "invalid_component");
  EXPECT_EQ(c->Query({.vector = {0, 0}}).error().reason, "zero_vector");
  EXPECT_EQ(c->Query({.space = "x", .vector = {1, 1}}).error().reason, "unknown_space");
  Filter filter;
  for (int i = 0; i < 20; ++i) filter = {.must = {std::move(filter)}};
  EXPECT_EQ(c->Count(filter).error().reason, "filter_too_deep");
  EXPECT_EQ(c->Count({.must = {Match{"", {}}}}).error().reason, "invalid_path");
}

TEST_F(StoreTest, ASecondOpenerIsToldAtOnce) {
  auto c = Create();
  const auto second = Store::Open(folder_.path() / "store");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
}

TEST_F(StoreTest, ASnapshotIsAStoreOfItsOwn) {
  auto c = Create();
  ASSERT_TRUE(c->Upsert(std::vector{MakePoint("a", {1, 1})}));
  const auto copy = folder_.path() / "copy";
  ASSERT_TRUE(store_->Snapshot(copy));
  ASSERT_TRUE(c->Upsert(std::vector{MakePoint("b", {1, 1})}));
  EXPECT_EQ(store_->Snapshot(copy).error().reason, "snapshot_exists");
  auto copied = MustOpen(copy);
  EXPECT_EQ((*copied->Find("c"))->Count(), 1);
  EXPECT_EQ(c->Count(), 2);
}

TEST_F(StoreTest, DeletedTextIsNotInTheFilesAndTheFilesShrink) {
  auto c = Create();
  const std::string secret = "a phrase that must not stay behind";
  std::vector<Point> points;
  for (int i = 0; i < 2'000; ++i) {
    points.push_back(MakePoint(std::to_string(i), {1, 1}));
    points.back().text = secret + std::string(500, 'x');
  }
  ASSERT_TRUE(c->Upsert(points));
  c = Reopen(c);  // the write-ahead log is moved into the file
  const auto full = folder_.Bytes();
  EXPECT_NE(folder_.Content().find(secret), std::string::npos);
  EXPECT_EQ(c->Delete(Filter{}), 2'000);
  c = Reopen(c);
  EXPECT_EQ(folder_.Content().find(secret), std::string::npos);
  EXPECT_LT(folder_.Bytes(), full / 4);
}

TEST_F(StoreTest, SearchesGoOnWhileAWriterWrites) {
  auto c = Create();
  std::vector<Point> points;
  for (int i = 0; i < 100; ++i) {
    points.push_back(MakePoint(std::to_string(i), {static_cast<float>(i), 0}));
  }
  ASSERT_TRUE(c->Upsert(points));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i)
      EXPECT_TRUE(c->Upsert({&points[static_cast<size_t>(i) % 100], 1}));
    done = true;
  });
  // Every search sees all hundred, however many are being replaced.
  while (!done) {
    for (const bool payload : {false, true}) {
      const auto hits = c->Query({.vector = {0, 0}, .k = 100, .parts = {.payload = payload}});
      EXPECT_TRUE(hits);
      EXPECT_EQ(hits->size(), 100U);
    }
  }
  writer.join();
}

// The child puts in point after point and tells each id once it is acknowledged; it is killed in
// the middle of that.
TEST_F(StoreTest, KilledAtAnyTimeItHasEveryPointThatWasAcknowledged) {
  const auto path = folder_.path() / "store";
  std::set<std::string> acknowledged;
  for (int round = 0; round < 10; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto store = Store::Open(path);
      if (!store) _exit(3);
      auto c = (*store)->Find("c");
      if (!c) c = (*store)->Create({.name = "c", .spaces = {{.dimensions = 2}}});
      for (int i = 0;; ++i) {
        // Each id three times, so that replacing is killed too.
        const int number = round * 1'000'000 + i / 3;
        const auto point = MakePoint(std::to_string(number), {1, static_cast<float>(i)});
        if (!c || !(*c)->Upsert({&point, 1})) _exit(4);
        if (write(ends[1], &number, sizeof(number)) != sizeof(number)) _exit(5);
      }
    }
    close(ends[1]);
    for (int count = 0; count < 5 + 9 * round; ++count) {
      int number;
      ASSERT_EQ(read(ends[0], &number, sizeof(number)), static_cast<ssize_t>(sizeof(number)));
      acknowledged.insert(std::to_string(number));
    }
    kill(child, SIGKILL);
    for (int number; read(ends[0], &number, sizeof(number)) == sizeof(number);) {
      acknowledged.insert(std::to_string(number));
    }
    close(ends[0]);
    int status;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;

    auto store = MustOpen(path);
    ASSERT_TRUE(store);
    auto c = *store->Find("c");
    const Strings ids(acknowledged.begin(), acknowledged.end());
    const auto found = c->Get(ids);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), ids.size());
    EXPECT_EQ(*c->Count(), static_cast<int64_t>(c->Query({.vector = {1, 1}, .k = 10'000})->size()));
  }
}

}  // namespace
}  // namespace weir::vectors
