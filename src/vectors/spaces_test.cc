// Spaces that come, go and take each other's place while a collection is used: what a change of the
// embedding model is made of.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

using Strings = std::vector<std::string>;

class SpacesTest : public testing::Test {
 protected:
  SpacesTest() { Open(); }
  void Open() {
    store_.reset();
    auto opened = Store::Open(folder_.path() / "store",
                              {.graph_points_least = 64, .build_in_background = background_});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *opened;
  }
  // Points 0 to `count` - 1 along a quarter of a circle.
  std::shared_ptr<Collection> Filled(int count) {
    auto made = *store_->Create({.name = "c", .spaces = {{.dimensions = 2, .model = "old"}}});
    std::vector<Point> points;
    for (int i = 0; i < count; ++i)
      points.push_back({.id = std::to_string(i), .vectors = {{"", Old(i)}}, .text = "harbour"});
    EXPECT_TRUE(made->Upsert(points));
    return made;
  }
  static std::vector<float> Old(int i) {
    return {static_cast<float>(i) + 0.25F, 1'000.0F - static_cast<float>(i)};
  }
  // Of another model: what was near is far.
  static std::vector<float> New(int i) {
    return {1'000.0F - static_cast<float>(i), 0.5F, static_cast<float>(i) + 0.125F};
  }
  static const Space& Next() {
    static const Space kNext{.name = "next", .dimensions = 3, .model = "new"};
    return kNext;
  }
  static Filter Lacking() {
    Filter filter;
    filter.must_not = {HasVector{"next"}};
    return filter;
  }
  static Result<int64_t> Fill(Collection& collection) {
    return collection.Edit(Lacking(), [](size_t, bool, Point& point) -> Result<bool> {
      point.vectors["next"] = New(std::stoi(point.id));
      return true;
    });
  }
  static Strings Nearest(const Collection& collection, const std::vector<float>& vector,
                         const std::string& space = "", Search search = Search::kAuto) {
    const auto hits =
        collection.Query({.space = space, .vector = vector, .k = 3, .search = search});
    EXPECT_TRUE(hits) << hits.error().message;
    Strings ids;
    for (const Hit& hit : *hits) ids.push_back(hit.point.id);
    return ids;
  }

  bool background_ = false;
  TestFolder folder_;
  std::shared_ptr<Store> store_;
};

TEST_F(SpacesTest, ANewSpaceTakesAnOldOnesPlace) {
  auto held = Filled(300);
  ASSERT_TRUE(store_->AddSpace("c", Next()));
  EXPECT_EQ(held->Count(Lacking()), 300);
  EXPECT_EQ(Nearest(*held, Old(7)).front(), "7");  // the old one answers meanwhile
  EXPECT_TRUE(Nearest(*held, New(7), "next").empty());
  EXPECT_EQ(Fill(*held), 300);
  EXPECT_EQ(held->Count(Lacking()), 0);
  EXPECT_EQ(Nearest(*held, Old(7)).front(), "7");
  EXPECT_EQ(Nearest(*held, New(8), "next").front(), "8");

  ASSERT_TRUE(store_->ReplaceSpace("c", "", "next"));
  EXPECT_EQ(Nearest(*held, New(9)).front(), "9");  // also for who held it
  EXPECT_EQ(held->Query({.vector = Old(7)}).error().param, "vector");
  EXPECT_EQ(held->Query({.space = "next", .vector = New(7)}).error().reason, "unknown_space");
  EXPECT_EQ((*store_->Find("c"))->spec().spaces,
            (std::vector<Space>{{.dimensions = 3, .model = "new"}}));
  EXPECT_EQ(held->Query({.text = "harbour", .k = 500})->size(), 300u);
  held.reset();
  Open();
  const auto after = *store_->Find("c");
  EXPECT_EQ(store_->Look("c")->spaces.front().model, "new");
  EXPECT_EQ(Nearest(*after, New(10)).front(), "10");
  EXPECT_EQ((*after->Get({{"11"}}, kAllParts)).front().vectors,
            (std::map<std::string, std::vector<float>>{{"", New(11)}}));
}

TEST_F(SpacesTest, WhatIsReplacedIsErasedFromTheFiles) {
  auto held = Filled(40);
  const auto bytes = [](const std::vector<float>& vector) {
    std::string text(vector.size() * sizeof(float), '\0');
    std::memcpy(text.data(), vector.data(), text.size());
    return text;
  };
  ASSERT_TRUE(store_->AddSpace("c", Next()));
  ASSERT_TRUE(Fill(*held));
  EXPECT_NE(folder_.Content().find(bytes(Old(17))), std::string::npos);
  ASSERT_TRUE(store_->ReplaceSpace("c", "", "next"));
  held.reset();
  store_.reset();
  EXPECT_EQ(folder_.Content().find(bytes(Old(17))), std::string::npos);
  EXPECT_NE(folder_.Content().find(bytes(New(17))), std::string::npos);
}

TEST_F(SpacesTest, PlacesOfRemovedSpacesAreTakenAgain) {
  auto held = Filled(20);
  for (int round = 0; round < 40; ++round) {
    ASSERT_TRUE(store_->AddSpace("c", Next()));
    ASSERT_TRUE(Fill(*held));
    if (round % 3 == 2) {
      ASSERT_TRUE(store_->RemoveSpace("c", "next"));
      EXPECT_EQ((*held->Get({{"3"}}, kAllParts)).front().vectors.size(), 1u);
    } else {
      ASSERT_TRUE(store_->ReplaceSpace("c", "", "next"));
    }
    if (round % 5 == 4) {
      held.reset();
      Open();
      held = *store_->Find("c");
    }
    const auto now = *store_->Find("c");
    ASSERT_EQ(now->spec().spaces.size(), 1u);
    const Point more{.id = "20", .vectors = {{"", New(20)}}};
    ASSERT_TRUE(now->Upsert({&more, 1}));
    EXPECT_EQ(Nearest(*now, New(20)).front(), "20");
    EXPECT_EQ(now->Count(), 21);
    ASSERT_TRUE(now->Delete(Strings{"20"}));
  }
  EXPECT_EQ(Nearest(*held, New(5)).front(), "5");
}

TEST_F(SpacesTest, WrongNamesAreRefusedAndNothingChanges) {
  const auto held = Filled(3);
  EXPECT_EQ(store_->AddSpace("none", Next()).error().code, Code::kNotFound);
  EXPECT_EQ(store_->AddSpace("c", {.dimensions = 4}).error().reason, "space_exists");
  EXPECT_EQ(store_->AddSpace("c", {.name = "next"}).error().param, "dimensions");
  EXPECT_EQ(store_->ReplaceSpace("c", "", "next").error().reason, "unknown_space");
  EXPECT_EQ(store_->ReplaceSpace("c", "", "").error().code, Code::kInvalidArgument);
  EXPECT_EQ(store_->RemoveSpace("c", "next").error().reason, "unknown_space");
  for (size_t i = 1; i < Limits::kSpaces; ++i)
    ASSERT_TRUE(store_->AddSpace("c", {.name = std::to_string(i), .dimensions = 1}));
  EXPECT_EQ(store_->AddSpace("c", Next()).error().reason, "too_many_spaces");
  EXPECT_EQ(Nearest(*held, Old(1)).front(), "1");
}

TEST_F(SpacesTest, GraphsGoWithTheirSpaces) {
  auto held = Filled(300);
  ASSERT_TRUE(held->BuildIndexes());
  ASSERT_TRUE(store_->AddSpace("c", Next()));
  EXPECT_EQ(Nearest(*held, Old(7), "", Search::kGraph).front(), "7");
  ASSERT_TRUE(Fill(*held));
  ASSERT_TRUE(held->BuildIndexes());
  EXPECT_EQ(Nearest(*held, New(8), "next", Search::kGraph).front(), "8");
  ASSERT_TRUE(store_->ReplaceSpace("c", "", "next"));
  EXPECT_EQ(Nearest(*held, New(9), "", Search::kGraph).front(), "9");
  // The file of the one that is gone must not be taken for another one's.
  ASSERT_TRUE(store_->AddSpace("c", {.name = "next", .dimensions = 2}));
  held.reset();
  Open();
  EXPECT_EQ(Nearest(**store_->Find("c"), New(9), "", Search::kGraph).front(), "9");
}

TEST_F(SpacesTest, ASnapshotHasTheSpacesInTheirOrder) {
  const auto held = Filled(30);
  ASSERT_TRUE(store_->AddSpace("c", Next()));
  ASSERT_TRUE(Fill(*held));
  ASSERT_TRUE(store_->ReplaceSpace("c", "", "next"));
  const auto made = store_->MakeSnapshot("c");
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_TRUE(store_->Recover("copy", *store_->FindSnapshot("c", made->name)));
  const auto copy = *store_->Find("copy");
  EXPECT_EQ(copy->spec().spaces, (*store_->Find("c"))->spec().spaces);
  EXPECT_EQ(Nearest(*copy, New(4)).front(), "4");
}

TEST_F(SpacesTest, SearchesAndWritesGoOnMeanwhile) {
  background_ = true;
  Open();
  const auto held = Filled(400);
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0;
  const auto asks = [&] {
    while (!stop) {
      // The vectors of before or those of after: which, the length says.
      const auto before = held->Query({.vector = Old(7), .k = 1});
      const auto after = before ? before : held->Query({.vector = New(7), .k = 1});
      if (!before && !after && before.error().param == "vector") continue;  // it came in between
      ASSERT_TRUE(after) << after.error().message;
      ASSERT_EQ(after->size(), 1u);
      ASSERT_EQ(after->front().point.id, "7");
      ++answered;
    }
  };
  const auto writes = [&] {
    for (int i = 0; !stop; ++i) {
      const Point point{.id = "w" + std::to_string(i % 10), .text = "words alone"};
      ASSERT_TRUE(held->Upsert({&point, 1}));
      ASSERT_EQ(held->Query({.text = "harbour", .k = 1})->size(), 1u);
    }
  };
  std::thread asking(asks);
  std::thread writing(writes);
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(store_->AddSpace("c", Next()));
    const auto filled = held->Edit(Lacking(), [](size_t, bool, Point& point) -> Result<bool> {
      if (point.id.front() == 'w') return false;
      point.vectors["next"] = New(std::stoi(point.id));
      return true;
    });
    ASSERT_TRUE(filled) << filled.error().message;
    ASSERT_TRUE(round == 4 ? store_->ReplaceSpace("c", "", "next")
                           : store_->RemoveSpace("c", "next"));
  }
  const int before = answered;
  while (answered < before + 20) std::this_thread::yield();
  stop = true;
  asking.join();
  writing.join();
  EXPECT_EQ(Nearest(*held, New(7)).front(), "7");
}

}  // namespace
}  // namespace weir::vectors
