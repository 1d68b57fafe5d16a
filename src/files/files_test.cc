#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "async/run_for_test.h"
#include "files/shelf.h"
#include "files/store.h"

namespace weir::files {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ShelfTest : public testing::Test {
 protected:
  ShelfTest() {
    std::string pattern = testing::TempDir() + "weir-files-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    Open();
  }
  ~ShelfTest() override {
    shelf_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Open(const Limits& limits = {}, int64_t now_s = 1000) {
    shelf_.reset();
    auto opened = Shelf::Open(sqlite::Database::Open(folder_ / "files.db").value(),
                              ContentFolder::Open(folder_ / "files").value(), limits, now_s);
    ASSERT_TRUE(opened) << opened.error().message;
    shelf_.emplace(std::move(*opened));
  }
  static FileToKeep Named(std::string name, std::string_view content = "content") {
    return {.name = std::move(name), .purpose = "user_data", .content = content};
  }
  std::string Put(const FileToKeep& upload, int64_t now_s = 1000,
                  std::string_view tenant = "main") {
    const auto file = shelf_->Put(tenant, upload, now_s);
    EXPECT_TRUE(file) << file.error().message;
    return file ? file->id : "";
  }
  std::vector<std::string> Names(const ListQuery& query = {}, int64_t now_s = 1000) {
    std::vector<std::string> names;
    for (const FileInfo& file : shelf_->List("main", query, now_s).value())
      names.push_back(file.name);
    return names;
  }
  std::vector<std::string> OnDisk() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "files"))
      names.push_back(entry.path().filename());
    return names;
  }

  std::filesystem::path folder_;
  std::optional<Shelf> shelf_;
};

TEST_F(ShelfTest, GivesBackWhatItWasGivenAlsoAfterAStart) {
  const std::string content("a\0b", 3);
  FileToKeep upload = Named("a.md", content);
  upload.label = chat::Label::kPersonal;
  upload.label_floor = chat::Label::kInternal;
  const std::string id = Put(upload);
  Open();
  EXPECT_EQ(shelf_->Read("main", id, 0, 1 << 20, 1000), content);
  EXPECT_EQ(shelf_->Read("main", id, 1, 1, 1000), content.substr(1, 1));
  EXPECT_EQ(shelf_->Read("main", id, 4, 1, 1000), "");
  const auto file = shelf_->Find("main", id, 1000);
  ASSERT_TRUE(file);
  EXPECT_EQ(*file, (FileInfo{.id = id,
                             .name = "a.md",
                             .purpose = "user_data",
                             .bytes = 3,
                             .created_s = 1000,
                             .label = chat::Label::kPersonal,
                             .label_floor = chat::Label::kInternal}));
  struct stat status{};
  ASSERT_EQ(stat((folder_ / "files" / id).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

// Every call: the error is the one of an id that never was.
TEST_F(ShelfTest, OfAnotherTenantIsLikeNothing) {
  const std::string id = Put(Named("a.md"));
  const auto unknown = shelf_->Find("main", "file-never", 1000);
  ASSERT_FALSE(unknown);
  const auto same = [&](const Error& error) {
    EXPECT_EQ(error.code, unknown.error().code);
    EXPECT_EQ(error.message, unknown.error().message);
    EXPECT_EQ(error.reason, "file_not_found");
  };
  same(shelf_->Find("other", id, 1000).error());
  same(shelf_->Read("other", id, 0, 1 << 20, 1000).error());
  same(shelf_->Remove("other", id, 1000).error());
  EXPECT_THAT(shelf_->List("other", {}, 1000).value(), IsEmpty());
  EXPECT_FALSE(shelf_->List("other", {.after = id}, 1000));
  EXPECT_TRUE(shelf_->Find("main", id, 1000));
}

TEST_F(ShelfTest, ListsInBothOrdersAndInPages) {
  std::vector<std::string> ids;
  for (const char* name : {"a", "b", "c", "d"}) ids.push_back(Put(Named(name)));
  FileToKeep other = Named("e");
  other.purpose = "batch";
  Put(other);
  EXPECT_THAT(Names(), ElementsAre("e", "d", "c", "b", "a"));
  EXPECT_THAT(Names({.purpose = "batch"}), ElementsAre("e"));
  EXPECT_THAT(Names({.after = ids[2], .limit = 1}), ElementsAre("b"));
  EXPECT_THAT(Names({.after = ids[1], .limit = 2, .oldest_first = true}), ElementsAre("c", "d"));
}

TEST_F(ShelfTest, TheBoundsOfATenantHoldAlsoAfterAStart) {
  Open({.tenant_bytes_max = 10, .tenant_files_max = 3});
  const std::string first = Put(Named("a", "12345678"));
  EXPECT_EQ(shelf_->Put("main", Named("b", "123"), 1000).error().reason, "files_too_large");
  Put(Named("b", "12"));
  Put(Named("c", ""));
  EXPECT_EQ(shelf_->Put("main", Named("d", ""), 1000).error().reason, "too_many_files");
  Put(Named("a", "1234567890"), 1000, "other");
  Open({.tenant_bytes_max = 10, .tenant_files_max = 3});
  EXPECT_EQ(shelf_->Put("main", Named("d", ""), 1000).error().code, Code::kTooLarge);
  ASSERT_TRUE(shelf_->Remove("main", first, 1000));
  Put(Named("d", "12345678"));
}

TEST_F(ShelfTest, WhatIsRemovedIsGoneFromTheDisk) {
  const std::string id = Put(Named("a"));
  EXPECT_THAT(OnDisk(), ElementsAre(id));
  ASSERT_TRUE(shelf_->Remove("main", id, 1000));
  EXPECT_THAT(OnDisk(), IsEmpty());
  EXPECT_EQ(shelf_->Read("main", id, 0, 1 << 20, 1000).error().reason, "file_not_found");
}

TEST_F(ShelfTest, AFileWhoseTimeIsOverIsNotThere) {
  FileToKeep upload = Named("a");
  upload.lifetime_s = 3600;
  const std::string id = Put(upload);
  Put(Named("b"));
  EXPECT_EQ(shelf_->Find("main", id, 4599)->expires_s, 4600);
  EXPECT_FALSE(shelf_->Find("main", id, 4600));
  EXPECT_THAT(Names({}, 4600), ElementsAre("b"));
  EXPECT_EQ(OnDisk().size(), 1U);
}

TEST_F(ShelfTest, WhatACrashLeftBehindIsSweptAndNothingElse) {
  const std::string id = Put(Named("a", "kept"));
  std::ofstream(folder_ / "files" / "file-never") << "written, and its row was not";
  std::ofstream(folder_ / "files" / "file-half.part") << "hal";
  Open();
  EXPECT_THAT(OnDisk(), ElementsAre(id));
  EXPECT_EQ(shelf_->Read("main", id, 0, 1 << 20, 1000), "kept");
}

TEST_F(ShelfTest, AFullDiskLeavesNothing) {
  // A folder that takes no files stands for a disk that is full.
  std::filesystem::remove_all(folder_ / "files");
  const auto put = shelf_->Put("main", Named("a"), 1000);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kUnavailable);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST(Store, KeepsAndReadsOnAThreadOfItsOwn) {
  std::string pattern = testing::TempDir() + "weir-files-XXXXXX";
  const std::filesystem::path folder = mkdtemp(pattern.data());
  {
    Loop loop;
    auto store = Store::Open(folder, loop.executor(), SystemClock()).value();
    const auto body = std::make_shared<const std::string>("head content tail");
    const auto put =
        RunForTest(loop, store->Put("main", {.name = "a.md",
                                             .purpose = "user_data",
                                             .holder = body,
                                             .content = std::string_view(*body).substr(5, 7)}));
    ASSERT_TRUE(put) << put.error().message;
    EXPECT_TRUE(put->id.starts_with("file-"));
    EXPECT_EQ(RunForTest(loop, store->Read("main", put->id, 0, 1 << 20)), "content");
    EXPECT_EQ(RunForTest(loop, store->List("main", {}))->size(), 1U);
    EXPECT_TRUE(RunForTest(loop, store->Remove("main", put->id)));
    EXPECT_FALSE(RunForTest(loop, store->Find("main", put->id)));
  }
  std::filesystem::remove_all(folder);
}

TEST(CheckFileName, SaysWhatIsWrong) {
  EXPECT_TRUE(CheckFileName("Übersicht 2026.pdf"));
  for (const std::string& name :
       {std::string(), std::string("a\nb"), std::string("\xC3"), std::string(2000, 'a')})
    EXPECT_FALSE(CheckFileName(name));
}

}  // namespace
}  // namespace weir::files
