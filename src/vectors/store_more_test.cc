// What a store remembers beside points, and points that are changed in place.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

using Strings = std::vector<std::string>;

class StoreMoreTest : public testing::Test {
 protected:
  StoreMoreTest() { Open(); }
  void Open() {
    store_.reset();
    auto opened = Store::Open(folder_.path() / "store");
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *opened;
  }
  std::shared_ptr<Collection> Make(const std::string& name = "c") {
    return *store_->Create({.name = name, .spaces = {{.dimensions = 2, .metric = Metric::kL2}}});
  }
  static json::Value Number(int64_t n) { return json::Object{{"n", n}}; }

  TestFolder folder_;
  std::shared_ptr<Store> store_;
};

TEST_F(StoreMoreTest, WhatIsRememberedOfACollectionOutlivesTheStore) {
  ASSERT_TRUE(store_->Create({.name = "c", .about = json::Object{{"a", 1}}}));
  EXPECT_EQ(store_->Look("c")->about, (json::Object{{"a", 1}}));
  const auto to = [](json::Value value) {
    return [value = std::move(value)](const json::Value&) { return value; };
  };
  ASSERT_TRUE(store_->ChangeAbout("c", [](const json::Value& now) {
    return json::Object{{"b", *now.Find("a")->AsInt() + 1}};
  }));
  const int64_t id = store_->Look("c")->id;
  EXPECT_GT(id, 0);
  EXPECT_EQ(store_->List()->front().about, (json::Object{{"b", 2}}));
  Open();
  EXPECT_EQ(store_->Look("c")->about, (json::Object{{"b", 2}}));
  EXPECT_EQ(store_->Look("c")->id, id);
  EXPECT_EQ(store_->ChangeAbout("d", to({})).error().code, Code::kNotFound);
  const json::Value large = json::Object{{"x", std::string(Limits::kAboutBytes, 'x')}};
  EXPECT_EQ(store_->ChangeAbout("c", to(large)).error().code, Code::kTooLarge);
  EXPECT_EQ(store_->ChangeAbout("c", to(7)).error().code, Code::kInvalidArgument);
}

TEST_F(StoreMoreTest, ACollectionIsFoundByItsAliases) {
  ASSERT_TRUE(Make("one")->Upsert({{{.id = "a"}}}));
  Make("two");
  ASSERT_TRUE(store_->ChangeAliases({{{"x", "one"}, {"y", "x"}}}));
  EXPECT_EQ((*store_->Find("y"))->Count(), 1);
  Open();
  EXPECT_EQ((*store_->Find("x"))->Count(), 1);
  EXPECT_EQ(store_->Look("x")->name, "one");
  // Moved in one step.
  ASSERT_TRUE(store_->ChangeAliases({{{"x", ""}, {"y", "two"}, {"z", "two"}}}));
  EXPECT_EQ(store_->Find("x").error().code, Code::kNotFound);
  EXPECT_EQ(store_->Aliases(), (std::vector<Alias>{{"y", "two"}, {"z", "two"}}));
  // All or nothing.
  EXPECT_EQ(store_->ChangeAliases({{{"w", "one"}, {"v", "none"}}}).error().code, Code::kNotFound);
  EXPECT_EQ(store_->ChangeAliases({{{"one", "two"}}}).error().code, Code::kConflict);
  EXPECT_EQ(store_->ChangeAliases({{{"none", ""}}}).error().code, Code::kNotFound);
  EXPECT_EQ(store_->Aliases().size(), 2u);
  EXPECT_EQ(store_->Create({.name = "y"}).error().code, Code::kConflict);
  ASSERT_TRUE(store_->Drop("two"));
  EXPECT_TRUE(store_->Aliases().empty());
  Open();
  EXPECT_TRUE(store_->Aliases().empty());
}

TEST_F(StoreMoreTest, NotesAreListedByTheBeginningOfTheirKeys) {
  ASSERT_TRUE(store_->PutNote({"a/1", "x"}));
  ASSERT_TRUE(store_->PutNote({"a/2", "y"}));
  ASSERT_TRUE(store_->PutNote({"b", "z"}));
  ASSERT_TRUE(store_->PutNote({"a/2", "w"}));
  Open();
  EXPECT_EQ(store_->Notes("a/"), (std::vector<Note>{{"a/1", "x"}, {"a/2", "w"}}));
  ASSERT_TRUE(store_->RemoveNote("a/1"));
  EXPECT_EQ(store_->RemoveNote("a/1").error().code, Code::kNotFound);
  EXPECT_EQ(store_->Notes("").size(), 2u);
  EXPECT_FALSE(store_->PutNote({"", "x"}));
  EXPECT_FALSE(store_->PutNote({"k", std::string(Limits::kNoteBytes + 1, 'x')}));
}

TEST_F(StoreMoreTest, SpacesComeWhenTheFirstVectorIsKnown) {
  auto before = *store_->Create({.name = "c"});
  ASSERT_TRUE(before->Upsert({{{.id = "words", .text = "harbour"}}}));
  const std::vector<Space> spaces{{.dimensions = 2}};
  ASSERT_TRUE(store_->GiveSpaces("c", spaces));
  EXPECT_EQ(before->Count(), 1);
  auto after = *store_->Find("c");
  ASSERT_TRUE(after->Upsert({{{.id = "vector", .vectors = {{"", {1, 0}}}}}}));
  EXPECT_EQ(after->Count(), 2);
  EXPECT_EQ((*after->Query({.vector = {1, 0}})).size(), 1u);
  EXPECT_EQ((*after->Query({.text = "harbour"})).size(), 1u);
  EXPECT_EQ(store_->GiveSpaces("c", spaces).error().code, Code::kConflict);
  before.reset();
  after.reset();
  Open();
  EXPECT_EQ((*store_->Find("c"))->spec().spaces, spaces);
}

TEST_F(StoreMoreTest, ARenamedCollectionKeepsWhatItHas) {
  ASSERT_TRUE(Make("old")->Upsert({{{.id = "a", .vectors = {{"", {1, 0}}}}}}));
  Make("other");
  ASSERT_TRUE(store_->ChangeAliases({{{"x", "old"}}}));
  const int64_t id = store_->Look("old")->id;
  EXPECT_EQ(store_->Rename("old", "other").error().code, Code::kConflict);
  EXPECT_EQ(store_->Rename("none", "new").error().code, Code::kNotFound);
  ASSERT_TRUE(store_->Rename("old", "new"));
  EXPECT_EQ(*store_->NameOf(id), "new");
  EXPECT_EQ((*store_->Find("new"))->Count(), 1);
  EXPECT_EQ(store_->Look("x")->name, "new");
  EXPECT_EQ(store_->Find("old").error().code, Code::kNotFound);
  Open();
  EXPECT_EQ(store_->Look("x")->name, "new");
  EXPECT_EQ((*store_->Find("new"))->Query({.vector = {1, 0}})->size(), 1u);
  EXPECT_EQ(store_->NameOf(id + 9).error().code, Code::kNotFound);
}

TEST_F(StoreMoreTest, EditReadsChangesAndWritesAtOnce) {
  const auto c = Make();
  ASSERT_TRUE(c->Upsert({{{.id = "a", .vectors = {{"", {1, 2}}}, .payload = Number(1), .text = "t"},
                          {.id = "b", .vectors = {{"", {3, 4}}}, .payload = Number(2)}}}));
  // One that is there, one that is not, one that is left as it is, and one twice.
  const Strings ids{"a", "new", "b", "a"};
  const auto edited = c->Edit(ids, [&](size_t index, bool there, Point& point) -> Result<bool> {
    EXPECT_EQ(there, index != 1);
    EXPECT_EQ(point.id, ids[index]);
    if (index == 2) return false;
    const json::Value* n = point.payload.Find("n");
    point.payload = Number(n != nullptr ? *n->AsInt() + 10 : 0);
    return true;
  });
  EXPECT_EQ(edited, 2);
  const auto points = *c->Get(Strings{"a", "b", "new"});
  EXPECT_EQ(points[0],
            (Point{.id = "a", .vectors = {{"", {1, 2}}}, .payload = Number(21), .text = "t"}));
  EXPECT_EQ(points[1].payload, Number(2));
  EXPECT_EQ(points[2], (Point{.id = "new", .payload = Number(0)}));
  // An error undoes what came before it.
  const auto failed = c->Edit(ids, [](size_t index, bool, Point& point) -> Result<bool> {
    if (index == 2) return Fail(Code::kConflict, "no");
    point.payload = {};
    return true;
  });
  EXPECT_EQ(failed.error().code, Code::kConflict);
  // So does a point that cannot be.
  const auto bad = c->Edit(ids, [](size_t, bool, Point& point) -> Result<bool> {
    point.vectors[""] = {1};
    return true;
  });
  EXPECT_EQ(bad.error().reason, "wrong_dimensions");
  EXPECT_EQ(*c->Get(Strings{"a", "b", "new"}), points);
}

TEST_F(StoreMoreTest, EditsOfThreadsAreNotLost) {
  const auto c = Make();
  const auto add = [&] {
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(c->Edit(Strings{"n"}, [](size_t, bool, Point& point) -> Result<bool> {
        const json::Value* n = point.payload.Find("n");
        point.payload = Number(n != nullptr ? *n->AsInt() + 1 : 1);
        return true;
      }));
    }
  };
  std::thread other(add);
  add();
  other.join();
  EXPECT_EQ((*c->Get(Strings{"n"}))[0].payload, Number(100));
}

TEST_F(StoreMoreTest, EditByFilterTakesEveryPointOnceHoweverMany) {
  const auto c = Make();
  std::vector<Point> points;
  for (int i = 0; i < 9'000; ++i) points.push_back({.id = std::to_string(i), .payload = Number(i)});
  ASSERT_TRUE(c->Upsert(points));
  const Filter filter{.must = {Range{.path = "n", .lt = 8'500.0}}};
  std::vector<int> seen(9'000);
  const auto edited = c->Edit(filter, [&](size_t, bool, Point& point) -> Result<bool> {
    ++seen[static_cast<size_t>(*point.payload.Find("n")->AsInt())];
    point.text = "edited";
    return true;
  });
  EXPECT_EQ(edited, 8'500);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), 8'500);
  EXPECT_EQ(c->Count({.must = {OwnTextHas{"edited"}}}), 8'500);
}

TEST_F(StoreMoreTest, ATestOfTextsThatFailsFailsTheCallAndChangesNothing) {
  const auto c = Make();
  ASSERT_TRUE(c->Upsert({{{.id = "a", .text = "one"}, {.id = "b", .text = "two"}, {.id = "c"}}}));
  const OwnTextPasses short_one{[](std::string_view text) -> Result<bool> {
    if (text == "two") return Fail(Code::kInvalidArgument, "is not looked at", "text", "odd");
    return text == "one";
  }};
  EXPECT_EQ(c->Count({.must = {HasId{{"a", "c"}}, short_one}}), 1);
  for (const Filter& filter : {Filter{.must = {short_one}}, Filter{.must_not = {short_one}}}) {
    const auto counted = c->Count(filter);
    ASSERT_FALSE(counted);
    EXPECT_EQ(counted.error().reason, "odd");
    EXPECT_FALSE(c->Scroll({.filter = filter}));
    EXPECT_FALSE(c->Delete(filter));
  }
  EXPECT_EQ(c->Count(), 3);
  EXPECT_FALSE(c->Count({.must = {OwnTextPasses{}}}));
}

TEST_F(StoreMoreTest, AScrollMayBeginWithAnIdItself) {
  const auto c = Make();
  ASSERT_TRUE(c->Upsert({{{.id = "a"}, {.id = "b"}, {.id = "d"}}}));
  const auto ids = [&](const ScrollQuery& query) {
    Strings all;
    for (const Point& point : c->Scroll(query)->points) all.push_back(point.id);
    return all;
  };
  EXPECT_EQ(ids({.from = "b"}), (Strings{"b", "d"}));
  EXPECT_EQ(ids({.from = "c"}), (Strings{"d"}));
  EXPECT_EQ(ids({.after = "b"}), (Strings{"d"}));
}

TEST_F(StoreMoreTest, OrdersByTimes) {
  const auto c = Make();
  const auto at = [](const char* time) { return json::Value(json::Object{{"t", time}}); };
  ASSERT_TRUE(c->Upsert({{{.id = "b", .payload = at("2026-01-02")},
                          {.id = "a", .payload = at("2026-03-01T10:00:00Z")},
                          {.id = "c", .payload = at("soon")},
                          {.id = "d"}}}));
  const auto ordered = *c->Order({.path = "t", .times = true});
  ASSERT_EQ(ordered.size(), 2u);
  EXPECT_EQ(ordered[0].point.id, "b");
  EXPECT_EQ(ordered[1].point.id, "a");
  EXPECT_EQ(c->Order({.path = "t", .limit = 0}).error().param, "limit");
  EXPECT_EQ(c->Order({.path = ""}).error().reason, "invalid_path");
}

TEST_F(StoreMoreTest, ASampleHasNoPointTwice) {
  const auto c = Make();
  std::vector<Point> points;
  for (int i = 0; i < 100; ++i) points.push_back({.id = std::to_string(i), .payload = Number(i)});
  ASSERT_TRUE(c->Upsert(points));
  const Filter filter{.must = {Range{.path = "n", .lt = 20.0}}};
  for (const size_t count : {5u, 20u, 50u}) {
    auto ids = *c->Sample(filter, count);
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(ids.size(), std::min<size_t>(count, 20));
    EXPECT_TRUE(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
    for (const auto& id : ids) EXPECT_LT(std::stoi(id), 20);
  }
}

TEST(Store, ACollectionThatIsFullTakesWhatReplacesPointsAlone) {
  const TestFolder folder;
  const auto store = *Store::Open(folder.path() / "store", {.collection_points_most = 3});
  const auto collection = *store->Create({.name = "c"});
  const auto put = [&](std::vector<std::string> ids) {
    std::vector<Point> points;
    for (std::string& id : ids) points.push_back({.id = std::move(id)});
    const auto done = collection->Upsert(points);
    return done ? std::string() : done.error().reason;
  };
  EXPECT_EQ(put({"a", "b"}), "");
  EXPECT_EQ(put({"c", "d"}), "collection_full");
  EXPECT_EQ(*collection->Count(), 2);
  EXPECT_EQ(put({"b", "c", "a"}), "");
  EXPECT_EQ(put({"d"}), "collection_full");
  const auto file = *store->FindSnapshot("c", store->MakeSnapshot("c")->name);
  EXPECT_EQ(*collection->Delete(std::vector<std::string>{"a"}), 1);
  EXPECT_EQ(put({"d"}), "");
  const auto smaller = *Store::Open(folder.path() / "smaller", {.collection_points_most = 2});
  EXPECT_EQ(smaller->Recover("c", file).error().reason, "collection_full");
  EXPECT_TRUE(smaller->List()->empty());
}

}  // namespace
}  // namespace weir::vectors
