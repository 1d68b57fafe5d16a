// What collections cost that hold nothing or little: thousands of them must fit beside a model.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "process/sanitizer.h"
#include "vectors/store.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

constexpr int64_t kMiB = 1 << 20;

// Of this process's own memory, that of files left out.
int64_t OwnBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8)) << 10;
  }
  return 0;
}

class Footprint : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitizerBuild || OwnBytes() == 0) GTEST_SKIP() << "no own memory to be seen";
  }
  static std::string Name(int i) { return "collection-" + std::to_string(i); }

  // Two spaces, as clients with titles and bodies make them.
  void MakeAll(int count) {
    store_ = *Store::Open(folder_.path() / "store");
    for (int i = 0; i < count; ++i) {
      const auto made = store_->Create(
          {.name = Name(i),
           .spaces = {{.name = "title", .dimensions = 384}, {.name = "body", .dimensions = 768}}});
      ASSERT_TRUE(made) << made.error().message;
    }
  }
  // Every one is loaded: its picture in memory is made.
  void AskAll(int count, int64_t points) {
    const std::vector<float> vector(384, 1);
    for (int i = 0; i < count; ++i) {
      const auto collection = *store_->Find(Name(i));
      EXPECT_EQ(collection->Count(), points);
      EXPECT_EQ(collection->Query({.space = "title", .vector = vector})->size(),
                static_cast<size_t>(points));
    }
  }

  TestFolder folder_;
  std::shared_ptr<Store> store_;
};

TEST_F(Footprint, TwoThousandEmptyCollectionsInUseTakeLittleMemory) {
  constexpr int kCount = 2'000;
  const int64_t before = OwnBytes();
  MakeAll(kCount);
  AskAll(kCount, 0);
  RecordProperty("bytes", std::to_string(OwnBytes() - before));
  EXPECT_LT(OwnBytes() - before, 50 * kMiB);
  // And as much when they are opened again.
  store_.reset();
  store_ = *Store::Open(folder_.path() / "store");
  AskAll(kCount, 0);
  EXPECT_LT(OwnBytes() - before, 50 * kMiB);
}

TEST_F(Footprint, APointInEachTakesPagesNotPieces) {
  constexpr int kCount = 500;
  const int64_t before = OwnBytes();
  MakeAll(kCount);
  const Point point{
      .id = "only",
      .vectors = {{"title", std::vector<float>(384, 1)}, {"body", std::vector<float>(768, 1)}},
      .payload = json::Object{{"city", "Kiel"}},
      .text = "one harbour"};
  for (int i = 0; i < kCount; ++i) {
    const auto put = (*store_->Find(Name(i)))->Upsert({&point, 1});
    ASSERT_TRUE(put) << put.error().message;
  }
  AskAll(kCount, 1);
  RecordProperty("bytes", std::to_string(OwnBytes() - before));
  EXPECT_LT(OwnBytes() - before, 40 * kMiB);
}

}  // namespace
}  // namespace weir::vectors
