// What the store promises when its disk or its memory fails: every n-th call that changes a file
// fails, once or from then on, and the power is cut there; every n-th allocation fails, SQLite's
// with malloc and the library's with new. No acknowledged write is lost, none that failed is there,
// and opening succeeds afterwards.
//
// A part of the numbers in `make test`, all with WEIR_LONG; of C++'s allocations then some of each
// call stack, and really all, which takes most of an hour, in parts with WEIR_EVERY_NEW=1/4, 2/4,
// ...
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "vectors/failing_disk.h"
#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

constexpr uint32_t kDimensions = 8;
constexpr StoreOptions kOptions{
    .check = true, .graph_points_least = 40, .build_in_background = false};

// How many of `all` numbers are tried.
size_t StepFor(size_t all, size_t tried) {
  return std::getenv("WEIR_LONG") != nullptr ? 1 : std::max<size_t>(1, all / tried);
}

// All points of the collection by their ids; the version is what tells writes of one id apart.
using Content = std::map<std::string, int64_t>;

// A call of the library's, in which operator new may fail.
template <class Call>
auto Inside(const Call& call) -> decltype(call()) {
  const FailingNew::Inside inside;
  return call();
}

// A fixed course of writes of all kinds, and what it knows to be there.
class Course {
 public:
  explicit Course(std::filesystem::path path, int seed = 0) : seed_(seed), path_(std::move(path)) {}

  // True when everything succeeded. Goes on after a failure, unless it is to `stop` at it.
  bool Run(bool stop, const std::function<void()>& done = [] {}) {
    bool all = true;
    for (int step = 0; step < kSteps; ++step) {
      all = Step(step) && all;
      if (!all && stop) return false;
      done();
    }
    return all;
  }
  // As if another process had run it and come so far.
  void Believe(int steps) {
    created_ = steps > 0;
    for (int step = 0; step < steps; ++step) acknowledged_ = After(step, acknowledged_);
    doubtful_ = After(steps, acknowledged_);
  }

  size_t build_threads = 1;

  // What the open store shows.
  void CheckOpen() {
    if (!collection_) return;
    EXPECT_EQ(ContentOf(*collection_), acknowledged_);
    const auto hits = collection_->Query({.vector = VectorOf(3), .k = 1'000});
    ASSERT_TRUE(hits) << hits.error().message;
    EXPECT_EQ(hits->size(), acknowledged_.size());
  }
  void Close() {
    collection_.reset();
    store_.reset();
  }

  // What is in a folder that these writes, as far as they came, have left.
  void CheckFolder(const std::filesystem::path& folder) const {
    const auto store = Store::Open(folder, kOptions);
    ASSERT_TRUE(store) << store.error().message;
    const auto found = (*store)->Find("c");
    if (!created_ && !found) return;
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ((*store)->List()->size(), 1U);
    // A snapshot that is there is whole.
    const auto snapshots = (*store)->Snapshots("c");
    for (const SnapshotInfo& snapshot : *snapshots) {
      const auto recovered = (*store)->Recover("copy", *(*store)->FindSnapshot("c", snapshot.name));
      EXPECT_TRUE(recovered) << recovered.error().message;
    }
    const Content content = ContentOf(**found);
    EXPECT_TRUE(content == acknowledged_ || (doubtful_ && content == *doubtful_))
        << content.size() << " points, " << acknowledged_.size() << " acknowledged";
    for (const Search search : {Search::kAuto, Search::kGraph}) {
      const auto hits = (*found)->Query({.vector = VectorOf(5), .k = 1'000, .search = search});
      ASSERT_TRUE(hits) << hits.error().message;
      EXPECT_EQ(hits->size(), content.size());
    }
    EXPECT_TRUE((*found)->BuildIndexes());
    const Point point = PointOf(1, 1'000);
    EXPECT_TRUE((*found)->Upsert({&point, 1}));
  }

 private:
  static constexpr int kSteps = 26;

  static std::vector<float> VectorOf(int number) {
    std::mt19937 random(static_cast<uint32_t>(number));
    std::normal_distribution<float> normal;
    std::vector<float> vector(kDimensions);
    for (float& x : vector) x = normal(random);
    return vector;
  }
  static Point PointOf(int id, int64_t version) {
    return {
        .id = std::to_string(id),
        .vectors = {{"", VectorOf(static_cast<int>(id * 1'000 + version))}, {"bits", VectorOf(id)}},
        .payload = json::Object{{"version", version}},
        .text = std::string(static_cast<size_t>(id) * 37 % 900, 'x'),
        .sparse = {{"few", {{1, 40U + static_cast<uint32_t>(id)}, {1, 2}}}},
        .multi = {{"many", MultiVector(static_cast<size_t>(id % 3 + 1),
                                       {static_cast<float>(id), static_cast<float>(version)})}}};
  }
  static Content ContentOf(const Collection& collection) {
    Content content;
    const auto page = collection.Scroll({.limit = 10'000});
    EXPECT_TRUE(page) << page.error().message;
    if (!page) return content;
    for (Point point : page->points) {
      point.vectors.erase("next");  // of a move that did not come to its end
      const json::Value* version = point.payload.Find("version");
      EXPECT_TRUE(version != nullptr && version->AsInt() != nullptr);
      if (version == nullptr) continue;
      content[point.id] = *version->AsInt();
      // Whole, not a mixture of two writes.
      EXPECT_EQ(point, PointOf(std::stoi(point.id), *version->AsInt()));
    }
    return content;
  }

  template <class T>
  bool Took(const Result<T>& result, const Content& would_be) {
    if (result) {
      acknowledged_ = would_be;
      doubtful_.reset();
    } else {
      // An I/O error alone may turn out to have happened after all; a later write settles it.
      if (result.error().reason == "storage_io") doubtful_ = would_be;
    }
    return result.has_value();
  }

  bool Open() {
    if (store_ == nullptr) {
      auto opened = Inside([&] { return Store::Open(path_, kOptions); });
      if (!opened) return false;
      store_ = *opened;
    }
    if (collection_ != nullptr) return true;
    auto found = Inside([&] { return store_->Find("c"); });
    if (!found && found.error().reason == "no_memory") return false;
    if (!found) {
      EXPECT_FALSE(created_);
      const CollectionSpec spec{
          .name = "c",
          .spaces = {{.dimensions = kDimensions},
                     {.name = "bits", .dimensions = kDimensions, .codes = Codes::kBits},
                     {.name = "few", .metric = Metric::kDot, .sparse = true, .idf = true},
                     {.name = "many", .dimensions = 2, .metric = Metric::kDot, .multi = true}}};
      found = Inside([&] { return store_->Create(spec); });
    }
    if (!found) return false;
    created_ = true;
    collection_ = *found;
    return true;
  }

  // What a step is: one of these, or a read-only one.
  bool Reopens(int step) const { return step % 13 == 12; }
  bool Builds(int step) const { return step % 9 == 8; }
  bool Notes(int step) const { return step % 7 == 3; }
  bool Recovers(int step) const { return step == 16 || step == 23; }
  bool Moves(int step) const { return step == 9 || step == 19; }
  std::vector<std::string> Deleted(int step) const {
    std::vector<std::string> ids;
    if (Reopens(step) || Builds(step) || step % 7 != 6) return ids;
    for (int id = (step + seed_) % 29; id < 80; id += 5) ids.push_back(std::to_string(id));
    return ids;
  }
  std::vector<Point> Upserted(int step) const {
    std::vector<Point> points;
    if (Reopens(step) || Builds(step) || Notes(step) || Recovers(step) || Moves(step) ||
        step % 7 == 6) {
      return points;
    }
    for (int i = 0; i < ((step + seed_) % 4 == 1 ? 40 : 3); ++i) {
      points.push_back(PointOf((step * 11 + i * 7 + seed_ * 13) % 80, step));
    }
    return points;
  }
  Content After(int step, Content content) const {
    for (const std::string& id : Deleted(step)) content.erase(id);
    for (const Point& point : Upserted(step)) content[point.id] = step;
    return content;
  }

  bool Step(int step) {
    if (!Open()) return false;
    if (Reopens(step)) {
      Close();
      return Open();
    }
    if (Builds(step))
      return Inside([&] { return collection_->BuildIndexes(build_threads); }).has_value();
    if (Notes(step)) {
      const Note note{.key = "note", .text = "of step " + std::to_string(step) + ", and long"};
      if (!Inside([&] { return store_->PutNote(note); })) return false;
      EXPECT_EQ(store_->Notes("").back(), note);
      return true;
    }
    if (Recovers(step)) return Recover();
    if (Moves(step)) return Move();
    const Content next = After(step, acknowledged_);
    const auto deleted = Deleted(step);
    if (!deleted.empty()) return Took(Inside([&] { return collection_->Delete(deleted); }), next);
    const auto upserted = Upserted(step);
    const bool took = Took(Inside([&] { return collection_->Upsert(upserted); }), next);
    return Searches() && took;
  }

  bool Searches() {
    vectors::Query query{.vector = VectorOf(4), .text = "x", .k = 20, .parts = kAllParts};
    query.filter.must_not = {Match{"version", {int64_t{-1}}}};
    const auto hits = Inside([&] { return collection_->Query(query); });
    const auto page = Inside([&] { return collection_->Scroll({.limit = 7}); });
    const vectors::Query by_few{.space = "few", .sparse = {{1}, {1}}, .k = 20};
    const auto few = Inside([&] { return collection_->Query(by_few); });
    const vectors::Query by_many{.space = "many", .multi = {{1, 0}, {0, 1}}, .k = 20};
    const auto many = Inside([&] { return collection_->Query(by_many); });
    if (many) EXPECT_EQ(many->size(), std::min<size_t>(20, acknowledged_.size()));
    if (few) EXPECT_EQ(few->size(), std::min<size_t>(20, acknowledged_.size()));
    if (hits) EXPECT_EQ(hits->size(), std::min<size_t>(20, acknowledged_.size()));
    if (page) EXPECT_EQ(page->points.size(), std::min<size_t>(7, acknowledged_.size()));
    return hits && page && few && many;
  }
  // The vectors of a space move into a new one, which takes its place: nothing is different
  // afterwards, however far it came.
  bool Move() {
    const auto spec = Inside([&] { return store_->Look("c"); });
    if (!spec) return false;
    const Space next{.name = "next", .dimensions = kDimensions};
    if (std::ranges::count(spec->spaces, next) == 0 &&
        !Inside([&] { return store_->AddSpace("c", next); })) {
      return false;
    }
    Filter lacking;
    lacking.must_not = {HasVector{"next"}};
    const auto edited = Inside([&] {
      return collection_->Edit(lacking, [](size_t, bool, Point& point) -> Result<bool> {
        point.vectors["next"] = point.vectors[""];
        return true;
      });
    });
    const auto left = Inside([&] { return collection_->Count(lacking); });
    if (!edited || !left) return false;
    EXPECT_EQ(*left, 0);
    return Inside([&] { return store_->ReplaceSpace("c", "", "next"); }).has_value() && Searches();
  }
  // From a snapshot of what is there: nothing is different afterwards, however far it came.
  bool Recover() {
    const auto made = Inside([&] { return store_->MakeSnapshot("c"); });
    if (!made) return false;
    const auto file = store_->FindSnapshot("c", made->name);
    if (!file) return false;
    const auto recovered = Inside([&] { return store_->Recover("c", *file); });
    EXPECT_EQ(store_->List()->size(), 1U);
    const auto found = store_->Find("c");
    EXPECT_TRUE(found) << found.error().message;
    if (found) collection_ = *found;
    return recovered.has_value();
  }

  const int seed_;
  const std::filesystem::path path_;
  std::shared_ptr<Store> store_;
  std::shared_ptr<Collection> collection_;
  bool created_ = false;  // acknowledged
  Content acknowledged_;
  std::optional<Content> doubtful_;
};

class Faults : public testing::Test {
 protected:
  void TearDown() override {
    FailingDisk::Forget();
    FailingMemory::Forget();
    FailingNew::Forget();
  }
  // How many calls the course takes when nothing fails.
  size_t Calls(int seed = 0) {
    const TestFolder folder;
    FailingDisk::Watch(folder.path());
    Course course(folder.path() / "store", seed);
    EXPECT_TRUE(course.Run(true));
    const size_t calls = FailingDisk::Calls();  // closing has some of its own
    course.CheckOpen();
    return calls;
  }
};

TEST_F(Faults, OneCallThatFailsLosesNothingAndTheStoreGoesOn) {
  const size_t calls = Calls();
  ASSERT_GT(calls, 200U);
  for (const int error : {EIO, ENOSPC}) {
    for (size_t at = 0; at < calls && !HasFailure(); at += StepFor(calls, 60)) {
      SCOPED_TRACE("call " + std::to_string(at) + ", errno " + std::to_string(error));
      const TestFolder folder;
      FailingDisk::Watch(folder.path());
      Course course(folder.path() / "store");
      FailingDisk::FailAt(at, error, FailingDisk::Failure::kOnce);
      course.Run(false);
      course.CheckOpen();
      FailingDisk::CutPower(static_cast<uint32_t>(at), folder.path() / "after");
      course.Close();
      FailingDisk::Forget();
      course.CheckFolder(folder.path() / "store");
      course.CheckFolder(folder.path() / "after" / "store");
    }
  }
}

TEST_F(Faults, PowerThatIsCutLosesNothingThatWasAcknowledged) {
  const size_t calls = Calls();
  for (size_t at = 0; at < calls && !HasFailure(); at += StepFor(calls, 120)) {
    SCOPED_TRACE("call " + std::to_string(at));
    const TestFolder folder;
    FailingDisk::Watch(folder.path());
    Course course(folder.path() / "store");
    FailingDisk::FailAt(at, EIO, FailingDisk::Failure::kFromThenOn);
    EXPECT_FALSE(course.Run(true));
    for (uint32_t seed = 0; seed < 4; ++seed) {
      const auto after = folder.path() / ("after" + std::to_string(seed));
      FailingDisk::CutPower(static_cast<uint32_t>(at) * 4 + seed, after);
    }
    course.Close();
    FailingDisk::Forget();
    for (uint32_t seed = 0; seed < 4; ++seed) {
      course.CheckFolder(folder.path() / ("after" + std::to_string(seed)) / "store");
    }
  }
}

// Runs the course in a child that is killed at its call `at`; how many steps it had acknowledged.
int StepsBeforeItWasKilled(const std::filesystem::path& folder, int seed, size_t at) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    FailingDisk::Watch(folder);
    FailingDisk::FailAt(at, 0, FailingDisk::Failure::kKilled);
    Course course(folder / "store", seed);
    course.Run(true, [&] {
      if (write(ends[1], "x", 1) != 1) _exit(5);
    });
    _exit(4);
  }
  close(ends[1]);
  int steps = 0;
  for (char x; read(ends[0], &x, 1) == 1;) ++steps;
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << status;
  return steps;
}

TEST_F(Faults, KilledAtAnyCallItHasWhatWasAcknowledged) {
  const int kills = std::getenv("WEIR_LONG") != nullptr ? 2'000 : 50;
  constexpr int kOfOneSeed = 50;
  std::mt19937 random(7);
  size_t calls = 0;
  for (int i = 0; i < kills && !HasFailure(); ++i) {
    const int seed = i / kOfOneSeed;
    if (i % kOfOneSeed == 0) calls = Calls(seed);
    FailingDisk::Forget();
    const size_t at = random() % calls;
    SCOPED_TRACE("seed " + std::to_string(seed) + ", call " + std::to_string(at));
    const TestFolder folder;
    const int steps = StepsBeforeItWasKilled(folder.path(), seed, at);
    Course course(folder.path() / "store", seed);
    course.Believe(steps);
    course.CheckFolder(folder.path() / "store");
  }
}

TEST_F(Faults, MemoryThatIsRefusedLosesNothingAndTheStoreGoesOn) {
  size_t calls = 0;
  {
    const TestFolder folder;
    FailingMemory::Forget();
    Course course(folder.path() / "store");
    EXPECT_TRUE(course.Run(true));
    calls = FailingMemory::Calls();
  }
  ASSERT_GT(calls, 1'000U);
  for (size_t at = 0; at < calls && !HasFailure(); at += StepFor(calls, 150)) {
    SCOPED_TRACE("allocation " + std::to_string(at));
    const TestFolder folder;
    Course course(folder.path() / "store");
    FailingMemory::FailAt(at);
    course.Run(false);
    FailingMemory::Forget();
    course.CheckOpen();
    course.Close();
    course.CheckFolder(folder.path() / "store");
  }
}

// What payloads and filters are made of.
TEST_F(Faults, ACopyOfAValueThatRunsOutOfMemoryIsGivenUp) {
  const std::string text(100, 'x');
  const json::Value value = json::Array{
      text, 1, json::Object{{text, json::Array{text, json::Object{{"a", text}, {"b", text}}}}},
      text};
  bool copied = false;
  for (size_t at = 0; !copied; ++at) {
    FailingNew::FailAt(at);
    try {
      const json::Value copy = Inside([&] { return json::Value(value); });
      copied = true;
      FailingNew::Forget();
      EXPECT_EQ(copy, value);
    } catch (const std::bad_alloc&) {
      EXPECT_LT(at, 100U);
    }
  }
}

// A condition of each kind, as callers hold and pass them on.
TEST_F(Faults, ACopyOfAFilterThatRunsOutOfMemoryIsGivenUp) {
  const std::string text(100, 'x');
  Filter inner;
  inner.must = {Match{text, {text, true, int64_t{1}}}, Except{text, {text, 0.5}},
                Range{.path = text, .gt = 1}};
  Filter filter;
  filter.must = {TimeRange{.path = text}, HasWords{text, text}, HasText{text, text},
                 IsEmpty{text},           IsNull{text},         ValuesCount{.path = text},
                 HasId{{text, text}}};
  filter.should = {HasVector{text},
                   OwnTextHas{text},
                   OwnTextPasses{[text](std::string_view) { return true; }},
                   Nested{text, inner},
                   inner,
                   Geo{.path = text, .exterior = std::vector<GeoPoint>(4), .interiors = {{}, {}}}};
  filter.must_not = filter.should;
  bool copied = false;
  for (size_t at = 0; !copied; ++at) {
    FailingNew::FailAt(at);
    try {
      const Filter copy = Inside([&] { return Filter(filter); });
      copied = true;
      FailingNew::Forget();
      EXPECT_EQ(std::get<Match>(std::get<Filter>(copy.must_not[4].what).must[0].what).any[0],
                Scalar(text));
      EXPECT_GT(at, 50U);
    } catch (const std::bad_alloc&) {
      ASSERT_LT(at, 300U);
    }
  }
}

// Of each call stack the first call, the one in the middle and the last: those between differ in
// how much there was. A tenth of all.
std::vector<size_t> OfEachStack(const std::vector<uint64_t>& stacks) {
  std::map<uint64_t, std::vector<size_t>> calls;
  for (size_t i = 0; i < stacks.size(); ++i) calls[stacks[i]].push_back(i);
  std::set<size_t> some;
  for (const auto& [stack, numbers] : calls)
    some.insert({numbers.front(), numbers[numbers.size() / 2], numbers.back()});
  return {some.begin(), some.end()};
}

// "1/4", "2/4", ...: every fourth of all calls, so that several processes have all of them
// together.
std::vector<size_t> OfPart(const char* part, size_t calls) {
  unsigned number = 1, parts = 1;
  EXPECT_EQ(std::sscanf(part, "%u/%u", &number, &parts), 2) << part;
  std::vector<size_t> numbers;
  for (size_t at = number - 1; at < calls; at += parts) numbers.push_back(at);
  return numbers;
}

TEST_F(Faults, MemoryThatCppIsRefusedLosesNothingAndTheStoreGoesOn) {
  std::vector<uint64_t> stacks;
  {
    const TestFolder folder;
    FailingNew::KeepStacks(&stacks);
    Course course(folder.path() / "store");
    EXPECT_TRUE(course.Run(true));
    FailingNew::KeepStacks(nullptr);
  }
  ASSERT_GT(stacks.size(), 5'000U);
  const char* const part = std::getenv("WEIR_EVERY_NEW");
  const auto calls = part != nullptr ? OfPart(part, stacks.size()) : OfEachStack(stacks);
  RecordProperty("calls", std::to_string(stacks.size()));
  RecordProperty("tried", std::to_string(calls.size()));
  for (size_t i = 0; i < calls.size() && !HasFailure(); i += StepFor(calls.size(), 150)) {
    const size_t at = calls[i];
    SCOPED_TRACE("new " + std::to_string(at));
    const TestFolder folder;
    Course course(folder.path() / "store");
    course.build_threads = 2;
    FailingNew::FailAt(at);
    course.Run(false);
    FailingNew::Forget();
    course.CheckOpen();
    course.Close();
    course.CheckFolder(folder.path() / "store");
  }
}

}  // namespace
}  // namespace weir::vectors
