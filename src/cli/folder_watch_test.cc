#include "cli/folder_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace weir::cli {
namespace {

namespace fs = std::filesystem;
using Woken = FolderWatch::Woken;

constexpr Duration kLong = std::chrono::seconds(60);

class FolderWatchTest : public testing::Test {
 protected:
  FolderWatchTest() {
    std::string pattern = testing::TempDir() + "weir-watch-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    fs::create_directory(folder_ / "more");
    auto pipe = MakePipe();
    interrupt_ = std::move(pipe->read);
    interrupts_ = std::move(pipe->write);
    auto watch = FolderWatch::Open();
    EXPECT_TRUE(watch);
    watch_.emplace(std::move(*watch));
  }
  ~FolderWatchTest() override { fs::remove_all(folder_); }

  Woken Wait(Duration patience = kLong) { return watch_->Wait(interrupt_.get(), patience); }
  void Write(const fs::path& name) { std::ofstream(folder_ / name) << "text"; }

  fs::path folder_;
  Fd interrupt_, interrupts_;
  std::optional<FolderWatch> watch_;
};

TEST_F(FolderWatchTest, TellsOfFilesThatComeChangeMoveAndGo) {
  Write("old");
  ASSERT_TRUE(watch_->Watch({folder_, folder_ / "more"}));
  Write("old");
  EXPECT_EQ(Wait(), Woken::kChanged);
  Write("more/new");
  EXPECT_EQ(Wait(), Woken::kChanged);
  fs::rename(folder_ / "old", folder_ / "more" / "moved");
  EXPECT_EQ(Wait(), Woken::kChanged);
  fs::remove(folder_ / "more" / "new");
  EXPECT_EQ(Wait(), Woken::kChanged);
  fs::create_directory(folder_ / "another");
  EXPECT_EQ(Wait(), Woken::kChanged);
}

TEST_F(FolderWatchTest, ManyChangesAreOne) {
  ASSERT_TRUE(watch_->Watch({folder_}));
  for (int i = 0; i < 100; ++i) Write(std::to_string(i));
  EXPECT_EQ(Wait(), Woken::kChanged);
  EXPECT_EQ(Wait(std::chrono::milliseconds(1)), Woken::kTime);
}

TEST_F(FolderWatchTest, WhatIsNotWatchedAnyMoreIsNotTold) {
  ASSERT_TRUE(watch_->Watch({folder_, folder_ / "more"}));
  ASSERT_TRUE(watch_->Watch({folder_}));
  Wait(std::chrono::milliseconds(1));  // that a watch went is an event itself
  Write("more/new");
  EXPECT_EQ(Wait(std::chrono::milliseconds(20)), Woken::kTime);
}

TEST_F(FolderWatchTest, AFolderThatIsGoneIsNotWatched) {
  EXPECT_FALSE(watch_->Watch({folder_, folder_ / "nowhere"}));
  Write("new");
  EXPECT_EQ(Wait(), Woken::kChanged);
}

TEST_F(FolderWatchTest, AnInterruptEndsTheWait) {
  ASSERT_TRUE(watch_->Watch({folder_}));
  ASSERT_EQ(write(interrupts_.get(), "x", 1), 1);
  EXPECT_EQ(Wait(), Woken::kInterrupted);
  Write("new");
  EXPECT_EQ(Wait(), Woken::kInterrupted);
}

}  // namespace
}  // namespace weir::cli
