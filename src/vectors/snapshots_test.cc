// Snapshots of one collection: what they hold, that a collection becomes what one says in one step,
// that names reach nothing outside, and that a file of anybody's may be handed in.
#include "vectors/snapshots.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "sqlite/database.h"
#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

using Strings = std::vector<std::string>;

std::string ContentOf(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Snapshots : public testing::Test {
 protected:
  Snapshots() { Open(); }
  void Open() {
    store_.reset();
    auto opened = Store::Open(Path(), {.clock = &clock_});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *opened;
  }
  std::filesystem::path Path() const { return folder_.path() / "store"; }
  static Point PointOf(int i, const std::string& city = "Kiel") {
    Point point{.id = std::to_string(i),
                .payload = json::Object{{"city", city}, {"n", i}},
                .text = "harbour " + std::to_string(i)};
    point.vectors["a"] = {1, static_cast<float>(i)};
    if (i % 2 == 0) point.vectors["b"] = {static_cast<float>(i), 2, 3};
    return point;
  }
  static std::vector<Point> Points(int count, const std::string& city = "Kiel") {
    std::vector<Point> points;
    for (int i = 0; i < count; ++i) points.push_back(PointOf(i, city));
    return points;
  }
  std::shared_ptr<Collection> Make(const std::string& name, int count) {
    auto made = store_->Create({.name = name,
                                .spaces = {{.name = "a", .dimensions = 2, .metric = Metric::kL2},
                                           {.name = "b", .dimensions = 3, .metric = Metric::kDot}},
                                .about = json::Object{{"owner", "me"}}});
    EXPECT_TRUE(made);
    EXPECT_TRUE((*made)->Upsert(Points(count)));
    return *made;
  }
  // Everything that is in it, in the order of ids.
  std::vector<Point> All(const std::string& name) const {
    const auto found = store_->Find(name);
    EXPECT_TRUE(found) << found.error().message;
    return found ? (*found)->Scroll({.limit = 16'000})->points : std::vector<Point>();
  }
  size_t HiddenCollections() const {
    size_t hidden = 0;
    const auto all = store_->List();
    for (const CollectionSpec& spec : *all) hidden += spec.name.front() < ' ' ? 1 : 0;
    return hidden;
  }

  TestFolder folder_;
  FakeClock clock_;
  std::shared_ptr<Store> store_;
};

TEST_F(Snapshots, BringBackWhatWasThere) {
  auto c = Make("c", 2'500);
  Make("other", 3);
  ASSERT_TRUE(store_->ChangeAliases({{{"alias", "c"}}}));
  const auto before = All("c");
  const auto made = store_->MakeSnapshot("alias");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GT(made->bytes, 100'000u);
  EXPECT_EQ(*store_->Snapshots("c"), std::vector<SnapshotInfo>{*made});
  EXPECT_TRUE(store_->Snapshots("other")->empty());
  const auto file = *store_->FindSnapshot("c", made->name);
  EXPECT_EQ(ContentOf(file).size(), made->bytes);

  ASSERT_TRUE(c->Delete(Strings{"1", "2"}));
  const Point changed = PointOf(3, "Husum");
  ASSERT_TRUE(c->Upsert({&changed, 1}));
  ASSERT_TRUE(store_->ChangeAbout("c", [](const json::Value&) { return json::Value(); }));
  ASSERT_TRUE(store_->Recover("alias", file));
  EXPECT_EQ(All("c"), before);
  EXPECT_EQ(All("alias"), before);
  EXPECT_EQ(store_->Look("c")->about, (json::Object{{"owner", "me"}}));
  EXPECT_EQ(c->Count().error().code, Code::kNotFound);
  c = *store_->Find("c");
  EXPECT_EQ((*c->Query({.space = "b", .vector = {1, 0, 0}, .k = 1}))[0].point.id, "2498");
  EXPECT_EQ(c->Query({.text = "2300", .k = 5})->size(), 1u);
  EXPECT_EQ(store_->Snapshots("c")->size(), 1u);
  EXPECT_EQ(store_->List()->size(), 2u);
  EXPECT_EQ(All("other").size(), 3u);

  // Into a collection that is not there, in a store that is opened again.
  c.reset();
  Open();
  EXPECT_EQ(All("c"), before);
  ASSERT_TRUE(store_->Recover("new", file));
  EXPECT_EQ(All("new"), before);
  EXPECT_EQ((*store_->Find("new"))->spec().spaces, (*store_->Find("c"))->spec().spaces);
}

TEST_F(Snapshots, OutliveTheirCollection) {
  Make("c/1 ü", 4);
  const auto before = All("c/1 ü");
  const auto made = store_->MakeSnapshot("c/1 ü");
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_TRUE(store_->Drop("c/1 ü"));
  EXPECT_EQ(store_->Snapshots("c/1 ü").error().code, Code::kNotFound);
  Open();
  const auto file = store_->FindSnapshot("c/1 ü", made->name);
  ASSERT_TRUE(file);
  ASSERT_TRUE(store_->Recover("c/1 ü", *file));
  EXPECT_EQ(All("c/1 ü"), before);
  EXPECT_EQ(store_->Snapshots("c/1 ü")->size(), 1u);
  ASSERT_TRUE(store_->RemoveSnapshot("c/1 ü", made->name));
  EXPECT_EQ(store_->RemoveSnapshot("c/1 ü", made->name).error().reason, "snapshot_not_found");
  EXPECT_FALSE(std::filesystem::exists(*file));
}

TEST_F(Snapshots, OfALongNameAreItsOwn) {
  const std::string name(1'000, '/');
  Make(name, 1);
  Make(name + "x", 2);
  ASSERT_TRUE(store_->MakeSnapshot(name));
  ASSERT_TRUE(store_->MakeSnapshot(name));
  ASSERT_TRUE(store_->MakeSnapshot(name + "x"));
  EXPECT_EQ(store_->Snapshots(name)->size(), 2u);
  EXPECT_EQ(store_->Snapshots(name + "x")->size(), 1u);
}

TEST_F(Snapshots, AreFoundByNamesThatReachNothingElse) {
  Make("c", 1);
  Make("d", 1);
  const auto mine = *store_->MakeSnapshot("c");
  const auto other = *store_->MakeSnapshot("d");
  std::ofstream(folder_.path() / "secret.snapshot") << "secret";
  std::filesystem::create_symlink(folder_.path() / "secret.snapshot",
                                  SnapshotFolder(Path(), "c") / "link.snapshot");
  std::filesystem::create_directory(SnapshotFolder(Path(), "c") / "folder.snapshot");
  const std::string bad[] = {"",
                             ".snapshot",
                             "..",
                             "../d/" + other.name,
                             "../../../secret.snapshot",
                             (folder_.path() / "secret.snapshot").native(),
                             "link.snapshot",
                             "folder.snapshot",
                             mine.name + "/",
                             std::string("a\0b.snapshot", 12),
                             other.name,
                             std::string(300, 'a') + ".snapshot"};
  for (const std::string& name : bad) {
    EXPECT_EQ(store_->FindSnapshot("c", name).error().reason, "snapshot_not_found") << name;
    EXPECT_EQ(store_->RemoveSnapshot("c", name).error().reason, "snapshot_not_found") << name;
  }
  for (const std::string& name : {std::string("../d"), std::string(".."), std::string("%2E")}) {
    EXPECT_FALSE(store_->FindSnapshot(name, other.name)) << name;
  }
  EXPECT_EQ(store_->Snapshots("c")->size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "secret.snapshot"));
}

TEST_F(Snapshots, AreBoundedInNumber) {
  Make("c", 0);
  ASSERT_TRUE(store_->MakeSnapshot("c"));
  for (size_t i = 1; i < Limits::kSnapshots; ++i) {
    std::ofstream(SnapshotFolder(Path(), "c") / ("of-others-" + std::to_string(i) + ".snapshot"));
  }
  EXPECT_EQ(store_->MakeSnapshot("c").error().reason, "too_many_snapshots");
  ASSERT_TRUE(store_->RemoveSnapshot("c", store_->Snapshots("c")->front().name));
  EXPECT_TRUE(store_->MakeSnapshot("c"));
}

TEST_F(Snapshots, ArePointsOfOneMomentWhileOthersWrite) {
  auto c = Make("c", 0);
  const auto put = [&](int round) {
    std::vector<Point> points = Points(50, std::to_string(round));
    ASSERT_TRUE(c->Upsert(points));
  };
  put(0);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int round = 1; !stop; ++round) put(round);
  });
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store_->MakeSnapshot("c"));
  stop = true;
  writer.join();
  const auto all = store_->Snapshots("c");
  for (const SnapshotInfo& one : *all) {
    ASSERT_TRUE(store_->Recover("as-of", *store_->FindSnapshot("c", one.name)));
    const auto points = All("as-of");
    ASSERT_EQ(points.size(), 50u);
    for (const Point& point : points) {
      EXPECT_EQ(*point.payload.Find("city"), *points.front().payload.Find("city"));
    }
  }
}

// Points that end keep their ends, and what has ended meanwhile is not there.
TEST_F(Snapshots, KeepWhenTheirPointsEnd) {
  auto c = Make("c", 0);
  Point point = PointOf(1);
  ExpireAt(point.payload, clock_.WallNow() + std::chrono::seconds(10));
  ASSERT_TRUE(c->Upsert({&point, 1}));
  const auto made = *store_->MakeSnapshot("c");
  ASSERT_TRUE(store_->Recover("d", *store_->FindSnapshot("c", made.name)));
  EXPECT_EQ(All("d").size(), 1u);
  clock_.Advance(std::chrono::seconds(10));
  EXPECT_EQ(All("d").size(), 0u);
}

TEST_F(Snapshots, ThatAreNoneChangeNothing) {
  Make("c", 40);
  const auto before = All("c");
  const auto good = ContentOf(*store_->FindSnapshot("c", store_->MakeSnapshot("c")->name));
  const auto refused = [&](const std::string& bytes) {
    const auto recovered = store_->RecoverBytes("c", bytes);
    if (recovered) return false;
    EXPECT_EQ(recovered.error().reason, "invalid_snapshot") << recovered.error().message;
    EXPECT_EQ(recovered.error().code, Code::kInvalidArgument);
    return true;
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("no database"));
  EXPECT_TRUE(refused(good.substr(0, 4'096)));
  EXPECT_TRUE(refused(good.substr(0, good.size() / 2)));
  // Bytes that are other ones: refused, or read as something else; never more than that.
  std::mt19937 random(1);
  for (int i = 0; i < 60; ++i) {
    std::string bad = good;
    for (int j = 0; j < 40; ++j) bad[random() % bad.size()] = static_cast<char>(random());
    if (!refused(bad)) EXPECT_TRUE(store_->RecoverBytes("c", good));
  }
  EXPECT_EQ(All("c"), before);
  EXPECT_EQ(HiddenCollections(), 0u);
  EXPECT_TRUE(store_->RecoverBytes("c", good));
  EXPECT_EQ(All("c"), before);
  EXPECT_FALSE(store_->Recover("c", folder_.path() / "nothing"));
  EXPECT_FALSE(store_->RecoverBytes("", good));
  // Nothing of it lies about.
  for (const auto& entry : std::filesystem::directory_iterator(Path() / "index")) {
    EXPECT_TRUE(entry.path().native().ends_with(".graph")) << entry.path();
  }
}

// Sound databases that say what they should not.
TEST_F(Snapshots, WithStrangeContentsAreRefused) {
  Make("c", 3);
  const auto before = All("c");
  const auto good = *store_->FindSnapshot("c", store_->MakeSnapshot("c")->name);
  const sqlite::Sql changes[] = {
      "CREATE TABLE more (x)",
      "CREATE TRIGGER t AFTER INSERT ON vector_point BEGIN DELETE FROM vector_point; END",
      "CREATE VIEW v AS SELECT 1",
      "DROP INDEX vector_point_expires",
      "INSERT INTO vector_collection (name, spaces) VALUES ('d', '[]')",
      "PRAGMA foreign_keys = OFF; DELETE FROM vector_collection",
      "UPDATE vector_collection SET spaces = 'x'",
      "UPDATE vector_collection SET spaces = "
      "'[{\"name\":\"a\",\"dimensions\":3,\"metric\":\"l2\"}]'",
      "UPDATE vector_collection SET spaces = "
      "'[{\"name\":\"a\",\"dimensions\":-3,\"metric\":\"l2\"}]'",
      "UPDATE vector_collection SET about = '[]'",
      "UPDATE vector_point SET payload = '{' WHERE id = '1'",
      "UPDATE vector_point SET payload = '[1]' WHERE id = '1'",
      "UPDATE vector_point SET id = '' WHERE id = '1'",
      "UPDATE vector_point SET id = CAST(x'ff' AS TEXT) WHERE id = '1'",
      "UPDATE vector_point SET seq = -5 WHERE id = '1'",
      "UPDATE vector_point SET seq = 9223372036854775807 WHERE id = '1'",
      "UPDATE vector_data SET value = x'00' WHERE key = (SELECT min(key) FROM vector_data)",
      "UPDATE vector_data SET value = x'0000c07f0000c07f' "
      "WHERE key = (SELECT min(key) FROM vector_data)",
      "UPDATE weir_schema SET version = 99 WHERE component = 'vectors'",
      "UPDATE weir_schema SET version = 1 WHERE component = 'vectors'",
      "DELETE FROM weir_schema",
  };
  for (const sqlite::Sql change : changes) {
    SCOPED_TRACE(change.text());
    const auto file = folder_.path() / "changed";
    std::filesystem::copy_file(good, file, std::filesystem::copy_options::overwrite_existing);
    {
      auto db = sqlite::Database::Open(file);
      ASSERT_TRUE(db);
      const auto changed = db->Execute(change);
      ASSERT_TRUE(changed) << changed.error().message;
    }
    const auto recovered = store_->Recover("c", file);
    EXPECT_FALSE(recovered);
    if (!recovered) EXPECT_EQ(recovered.error().reason, "invalid_snapshot");
    EXPECT_EQ(All("c"), before);
    EXPECT_EQ(HiddenCollections(), 0u);
  }
}

}  // namespace
}  // namespace weir::vectors
