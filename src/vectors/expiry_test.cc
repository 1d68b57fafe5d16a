// Points that end: what a payload says of it, that nothing shows them from that moment on, and that
// their contents go.
#include "vectors/expiry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::seconds;
using Strings = std::vector<std::string>;

json::Value Saying(json::Value when) {
  return json::Object{{std::string(kExpiresKey), std::move(when)}};
}

TEST(Expiry, APayloadSaysItAsATimeOrInSeconds) {
  EXPECT_EQ(ReadExpiry(Saying("2026-11-03T10:00:00.5Z")), 1'793'700'000'500'000);
  EXPECT_EQ(ReadExpiry(Saying(1'793'700'000)), 1'793'700'000'000'000);
  EXPECT_EQ(ReadExpiry(Saying(1'793'700'000.25)), 1'793'700'000'250'000);
  EXPECT_EQ(ReadExpiry(Saying(nullptr)), kNoExpiry);
  EXPECT_EQ(ReadExpiry(json::Object{{"other", 1}}), kNoExpiry);
  EXPECT_EQ(ReadExpiry({}), kNoExpiry);
  // What ended long ago has an end all the same.
  EXPECT_TRUE(HasExpired(*ReadExpiry(Saying(0)), 1));
  EXPECT_TRUE(HasExpired(*ReadExpiry(Saying("1950-01-01")), 1));
}

TEST(Expiry, WhatIsNoTimeIsRefusedByName) {
  const json::Value bad[] = {"soon", "", true, json::Array{1}, json::Object{}, 1'793'700'000'000};
  for (const json::Value& value : bad) {
    const auto read = ReadExpiry(Saying(value), "points[0].payload");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().param, "points[0].payload.weir:expires_at");
    EXPECT_EQ(read.error().reason, "invalid_expiry");
    EXPECT_EQ(ExpiryOf(Saying(value)), kNoExpiry);
  }
}

TEST(Expiry, ATimeThatIsWrittenIsRead) {
  json::Value payload;
  for (const int64_t micros : {int64_t{1'793'700'000'123'456}, int64_t{4'000'000'000'000'001}}) {
    ExpireAt(payload, WallTime(microseconds(micros)));
    EXPECT_EQ(ReadExpiry(payload), micros);
  }
  EXPECT_EQ(payload.AsObject()->size(), 1u);
}

class ExpiringPoints : public testing::Test {
 protected:
  ExpiringPoints() { Open(); }
  void Open() {
    c_.reset();
    store_.reset();
    auto opened = Store::Open(folder_.path() / "store", options_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *opened;
    if (!store_->Find("c")) {
      ASSERT_TRUE(store_->Create({.name = "c", .spaces = {{.dimensions = 2}}}));
    }
    c_ = *store_->Find("c");
  }
  // Ends in so many seconds; 0 stays.
  Point PointFor(const std::string& id, int64_t lasts_s) const {
    Point point{.id = id,
                .vectors = {{"", {1, static_cast<float>(id.size())}}},
                .payload = json::Object{{"kind", "secret of " + id}, {"n", 1}},
                .text = "harbour"};
    if (lasts_s != 0) ExpireAt(point.payload, clock_.WallNow() + seconds(lasts_s));
    return point;
  }
  void Put(const std::string& id, int64_t lasts_s) {
    const Point point = PointFor(id, lasts_s);
    const auto put = c_->Upsert({&point, 1});
    ASSERT_TRUE(put) << put.error().message;
  }
  // The ids that every way of asking shows: they must agree.
  Strings Seen() const {
    Strings ids;
    const auto page = c_->Scroll({});
    for (const Point& point : page->points) ids.push_back(point.id);
    const auto same = [&](Strings others) {
      std::ranges::sort(others);
      EXPECT_EQ(others, ids);
    };
    const auto ids_of = [](const std::vector<Hit>& hits) {
      Strings found;
      for (const Hit& hit : hits) found.push_back(hit.point.id);
      return found;
    };
    const Filter of_kind{.must = {Range{.path = "n", .gte = 1}}};
    for (const Filter& filter : {Filter(), of_kind}) {
      for (const Search search : {Search::kAuto, Search::kExact, Search::kScan, Search::kGraph}) {
        same(ids_of(*c_->Query({.vector = {1, 0}, .k = 99, .filter = filter, .search = search})));
      }
      same(ids_of(*c_->Query({.text = "harbour", .k = 99, .filter = filter})));
      same(ids_of(*c_->Query({.vector = {1, 0}, .text = "harbour", .k = 99, .filter = filter})));
      same(*c_->Sample(filter, 99));
      EXPECT_EQ(c_->Count(filter), static_cast<int64_t>(ids.size()));
      Strings ordered;
      const auto order = c_->Order({.path = "n", .filter = filter});
      for (const OrderedPoint& one : *order) ordered.push_back(one.point.id);
      same(ordered);
      int64_t counted = 0;
      const auto facet = c_->Facet({.path = "n", .filter = filter});
      for (const FacetHit& hit : *facet) counted += hit.count;
      EXPECT_EQ(counted, static_cast<int64_t>(ids.size()));
    }
    const auto got = c_->Get(Strings{"a", "bb", "ccc", "dddd"});
    Strings by_id;
    for (const Point& point : *got) by_id.push_back(point.id);
    EXPECT_EQ(by_id, ids);
    return ids;
  }

  TestFolder folder_;
  FakeClock clock_;
  StoreOptions options_{.build_in_background = false, .clock = &clock_};
  std::shared_ptr<Store> store_;
  std::shared_ptr<Collection> c_;
};

TEST_F(ExpiringPoints, WhatHasEndedDoesNotCountInHowRareAWordIs) {
  Put("a", 0);
  const float alone = c_->Query({.text = "harbour"})->front().score;
  Put("b", 10);
  Put("cc", 10);
  EXPECT_NE(c_->Query({.text = "harbour"})->front().score, alone);
  clock_.Advance(seconds(10));
  EXPECT_EQ(c_->Query({.text = "harbour"})->front().score, alone);
  EXPECT_EQ(*store_->EraseExpired(), 2);
  EXPECT_EQ(c_->Query({.text = "harbour"})->front().score, alone);
}

TEST_F(ExpiringPoints, AreNotThereFromTheMomentOn) {
  Put("a", 0);
  Put("bb", 10);
  Put("ccc", 20);
  Put("dddd", 30);
  EXPECT_EQ(Seen(), (Strings{"a", "bb", "ccc", "dddd"}));
  clock_.Advance(seconds(10) - microseconds(1));
  EXPECT_EQ(Seen(), (Strings{"a", "bb", "ccc", "dddd"}));
  clock_.Advance(microseconds(1));
  EXPECT_EQ(Seen(), (Strings{"a", "ccc", "dddd"}));
  Open();  // nobody has erased it yet
  EXPECT_EQ(Seen(), (Strings{"a", "ccc", "dddd"}));
  clock_.Advance(seconds(10));
  EXPECT_EQ(Seen(), (Strings{"a", "dddd"}));
  EXPECT_EQ(store_->EraseExpired(), 2);
  EXPECT_EQ(Seen(), (Strings{"a", "dddd"}));
  EXPECT_EQ(store_->EraseExpired(), 0);
  clock_.Advance(hours(1));
  EXPECT_EQ(Seen(), (Strings{"a"}));
}

TEST_F(ExpiringPoints, LeaveNothingOnTheDisk) {
  Put("a", 0);
  Put("bb", 10);
  EXPECT_NE(folder_.Content().find("secret of bb"), std::string::npos);
  clock_.Advance(seconds(11));
  Open();  // and the collection is not in use when they are erased
  EXPECT_EQ(store_->EraseExpired(), 1);
  c_.reset();
  store_.reset();
  EXPECT_EQ(folder_.Content().find("secret of bb"), std::string::npos);
  EXPECT_NE(folder_.Content().find("secret of a"), std::string::npos);
  Open();
  EXPECT_EQ(Seen(), (Strings{"a"}));
}

TEST_F(ExpiringPoints, AreNewWhenTheyAreWrittenAgain) {
  Put("a", 10);
  clock_.Advance(seconds(11));
  // To an edit it is not there.
  const Strings ids{"a"};
  EXPECT_EQ(c_->Edit(ids,
                     [&](size_t, bool there, Point& point) -> Result<bool> {
                       EXPECT_FALSE(there);
                       EXPECT_EQ(point, Point{.id = "a"});
                       return false;
                     }),
            0);
  EXPECT_EQ(c_->Edit(Filter(), [](size_t, bool, Point&) -> Result<bool> { return true; }), 0);
  EXPECT_EQ(c_->Delete(Filter()), 0);
  Put("a", 10);
  EXPECT_EQ(Seen(), (Strings{"a"}));
  EXPECT_EQ(store_->EraseExpired(), 0);
  EXPECT_EQ(Seen(), (Strings{"a"}));
  // An edit that takes the member away lets it stay.
  EXPECT_EQ(c_->Edit(ids,
                     [](size_t, bool, Point& point) -> Result<bool> {
                       std::erase_if(*point.payload.AsObject(), [](const json::Member& member) {
                         return member.key == kExpiresKey;
                       });
                       return true;
                     }),
            1);
  clock_.Advance(hours(1));
  EXPECT_EQ(Seen(), (Strings{"a"}));
  Put("bb", -1);  // ended before it was written
  EXPECT_EQ(Seen(), (Strings{"a"}));
  EXPECT_EQ(c_->Delete(Strings{"bb"}), 0);
  EXPECT_EQ(store_->EraseExpired(), 0);
}

TEST_F(ExpiringPoints, AreErasedInManyStepsAndOfAllCollections) {
  auto other = *store_->Create({.name = "other"});
  std::vector<Point> points;
  for (int i = 0; i < 3'000; ++i) {
    points.push_back({.id = std::to_string(i)});
    if (i % 3 != 0) ExpireAt(points.back().payload, clock_.WallNow() + seconds(i));
  }
  ASSERT_TRUE(other->Upsert(points));
  Put("a", 1);
  clock_.Advance(hours(1));
  EXPECT_EQ(other->Count(), 1'000);
  EXPECT_EQ(store_->EraseExpired(), 2'001);
  EXPECT_EQ(other->Count(), 1'000);
  EXPECT_EQ(c_->Count(), 0);
}

TEST_F(ExpiringPoints, OfACollectionThatWasRenamedOrGivenSpacesEndAsWell) {
  auto plain = *store_->Create({.name = "plain"});
  Point point{.id = "p"};
  ExpireAt(point.payload, clock_.WallNow() + seconds(5));
  ASSERT_TRUE(plain->Upsert({&point, 1}));
  ASSERT_TRUE(store_->Rename("plain", "renamed"));
  const std::vector<Space> spaces{{.dimensions = 2}};
  ASSERT_TRUE(store_->GiveSpaces("renamed", spaces));
  EXPECT_EQ((*store_->Find("renamed"))->Count(), 1);
  clock_.Advance(seconds(5));
  EXPECT_EQ((*store_->Find("renamed"))->Count(), 0);
  EXPECT_EQ(store_->EraseExpired(), 1);
}

TEST_F(ExpiringPoints, WithoutATimeAreRefusedAsAWhole) {
  std::vector<Point> points{PointFor("a", 0), PointFor("bb", 0)};
  points[1].payload = Saying("soon");
  const auto put = c_->Upsert(points);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().param, "points[1].payload.weir:expires_at");
  EXPECT_EQ(c_->Count(), 0);
}

// By the machine's clock and the store's own thread; how many points are left in the tables is what
// erasing by hand still finds.
TEST_F(ExpiringPoints, AreErasedInTheBackground) {
  options_ = {};
  clock_.SetWall(SystemClock().WallNow());
  Open();
  Put("a", 0);
  Put("bb", -1);                     // at once
  Put("ccc", 3'600);                 // not now
  Point soon = PointFor("dddd", 0);  // a moment later
  ExpireAt(soon.payload, SystemClock().WallNow() + std::chrono::milliseconds(20));
  ASSERT_TRUE(c_->Upsert({&soon, 1}));
  const auto is_there = [&](const std::string& id) {
    return folder_.Content().find("secret of " + id) != std::string::npos;
  };
  // Until it is gone from the tables; the log that is written beside them goes when they close.
  const auto deadline = SystemClock().Now() + std::chrono::minutes(2);
  const auto erased = [&] {
    const TestFolder copies;
    const auto copy = copies.path() / "copy";
    EXPECT_TRUE(store_->Snapshot(copy));
    return copies.Content().find("secret of dddd") == std::string::npos;
  };
  while (!erased() && SystemClock().Now() < deadline) std::this_thread::yield();
  EXPECT_EQ(Seen(), (Strings{"a", "ccc"}));
  c_.reset();
  store_.reset();
  EXPECT_FALSE(is_there("bb"));
  EXPECT_FALSE(is_there("dddd"));
  EXPECT_TRUE(is_there("a"));
  EXPECT_TRUE(is_there("ccc"));
}

// Also of a collection that nobody uses, when the store is opened.
TEST_F(ExpiringPoints, ThatEndedWhileTheStoreWasClosedAreErased) {
  Put("bb", 10);
  c_.reset();
  store_.reset();
  options_ = {};  // by the machine's clock it is long over
  Open();
  const auto deadline = SystemClock().Now() + std::chrono::minutes(2);
  const auto erased = [&] {
    const TestFolder copies;
    EXPECT_TRUE(store_->Snapshot(copies.path() / "copy"));
    return copies.Content().find("secret of bb") == std::string::npos;
  };
  while (!erased() && SystemClock().Now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(erased());
}

}  // namespace
}  // namespace weir::vectors
