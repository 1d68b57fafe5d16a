// Files that come in parts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "files/shelf.h"
#include "hash/hash.h"

namespace weir::files {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class UploadsTest : public testing::Test {
 protected:
  UploadsTest() {
    std::string pattern = testing::TempDir() + "weir-uploads-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    Open();
  }
  ~UploadsTest() override {
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
  std::string Begin(int64_t bytes, int64_t now_s = 1000) {
    const auto upload =
        shelf_->BeginUpload("main", {.name = "a.bin", .purpose = "batch", .bytes = bytes}, now_s);
    EXPECT_TRUE(upload) << upload.error().message;
    return upload ? upload->id : "";
  }
  std::string Add(const std::string& upload, std::string_view content, int64_t now_s = 1000) {
    const auto part = shelf_->AddPart("main", {.upload_id = upload, .content = content}, now_s);
    EXPECT_TRUE(part) << part.error().message;
    return part ? part->id : "";
  }
  Result<UploadInfo> Complete(const std::string& upload, std::vector<std::string> parts,
                              std::string md5 = "", int64_t now_s = 1000) {
    return shelf_->CompleteUpload(
        "main", {.upload_id = upload, .part_ids = std::move(parts), .md5 = std::move(md5)}, now_s);
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

TEST_F(UploadsTest, PartsBecomeAFileInTheOrderThatIsAsked) {
  const std::string id = Begin(7);
  const std::string second = Add(id, "tide");
  const std::string first = Add(id, "neap");
  const std::string third = Add(id, "tid");
  // A start between two parts changes nothing.
  Open();
  Md5 md5;
  md5.Add("neaptid");
  const auto done = Complete(id, {first, third}, md5.Hex());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->status, UploadStatus::kCompleted);
  ASSERT_TRUE(done->file);
  EXPECT_EQ(done->file->name, "a.bin");
  EXPECT_EQ(done->file->bytes, 7);
  EXPECT_EQ(shelf_->Read("main", done->file->id, 0, 100, 1000), "neaptid");
  EXPECT_THAT(OnDisk(), ElementsAre(done->file->id));
  // Whoever did not hear the answer gets the same again; nothing else goes on.
  const auto again = Complete(id, {second});
  ASSERT_TRUE(again && again->file);
  EXPECT_EQ(again->file->id, done->file->id);
  EXPECT_EQ(shelf_->AddPart("main", {.upload_id = id, .content = "x"}, 1000).error().reason,
            "upload_not_pending");
  EXPECT_EQ(shelf_->CancelUpload("main", id, 1000).error().reason, "upload_not_pending");
}

TEST_F(UploadsTest, WhatDoesNotFitIsRefusedAndTheUploadGoesOn) {
  const std::string id = Begin(4);
  const std::string part = Add(id, "abcd");
  const std::string more = Add(id, "e");
  const std::string foreign = Add(Begin(1), "f");
  EXPECT_EQ(Complete(id, {part, more}).error().reason, "wrong_size");
  EXPECT_THAT(Complete(id, {}).error().message, HasSubstr("0 bytes together"));
  EXPECT_EQ(Complete(id, {part, part}).error().reason, "invalid_part");
  EXPECT_EQ(Complete(id, {foreign}).error().reason, "invalid_part");
  EXPECT_EQ(Complete(id, {part}, std::string(32, '0')).error().reason, "wrong_md5");
  EXPECT_THAT(OnDisk(), UnorderedElementsAre(part, more, foreign));
  EXPECT_TRUE(Complete(id, {part}));
}

TEST_F(UploadsTest, OfAnotherTenantIsLikeNothing) {
  const std::string id = Begin(1);
  const std::string part = Add(id, "a");
  EXPECT_EQ(shelf_->AddPart("other", {.upload_id = id, .content = "x"}, 1000).error().reason,
            "upload_not_found");
  EXPECT_EQ(
      shelf_->CompleteUpload("other", {.upload_id = id, .part_ids = {part}}, 1000).error().reason,
      "upload_not_found");
  const auto cancelled = shelf_->CancelUpload("other", id, 1000);
  EXPECT_EQ(cancelled.error().code, Code::kNotFound);
  EXPECT_EQ(cancelled.error().message,
            shelf_->CancelUpload("main", "upload_x", 1000).error().message);
  EXPECT_TRUE(Complete(id, {part}));
}

TEST_F(UploadsTest, ACancelledOneIsGoneFromTheDisk) {
  const std::string id = Begin(1);
  const std::string part = Add(id, "a");
  EXPECT_EQ(shelf_->CancelUpload("main", id, 1000)->status, UploadStatus::kCancelled);
  EXPECT_THAT(OnDisk(), IsEmpty());
  EXPECT_EQ(shelf_->CancelUpload("main", id, 1000)->status, UploadStatus::kCancelled);
  EXPECT_THAT(Complete(id, {part}).error().message, HasSubstr("cancelled"));
}

TEST_F(UploadsTest, AnHourLaterItIsExpiredAndADayLaterForgotten) {
  const std::string id = Begin(1);
  const std::string part = Add(id, "a");
  EXPECT_THAT(Complete(id, {part}, "", 4600).error().message, HasSubstr("expired"));
  EXPECT_EQ(shelf_->AddPart("main", {.upload_id = id, .content = "x"}, 4600).error().reason,
            "upload_not_pending");
  EXPECT_THAT(OnDisk(), IsEmpty());
  Open({}, 4600 + 86'400);
  EXPECT_EQ(shelf_->CancelUpload("main", id, 4600 + 86'400).error().reason, "upload_not_found");
}

TEST_F(UploadsTest, PartsCountAmongWhatATenantKeeps) {
  Open({.tenant_bytes_max = 10, .tenant_files_max = 1});
  EXPECT_EQ(shelf_->BeginUpload("main", {.name = "a", .purpose = "batch", .bytes = 11}, 1000)
                .error()
                .reason,
            "files_too_large");
  const std::string id = Begin(6);
  const std::string part = Add(id, "abcdef");
  EXPECT_EQ(shelf_->AddPart("main", {.upload_id = id, .content = "ghijk"}, 1000).error().reason,
            "files_too_large");
  Open({.tenant_bytes_max = 10, .tenant_files_max = 1});
  EXPECT_EQ(shelf_->Put("main", {.name = "b", .purpose = "batch", .content = "ghijk"}, 1000)
                .error()
                .reason,
            "files_too_large");
  const auto done = Complete(id, {part});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(shelf_->BeginUpload("main", {.name = "a", .purpose = "batch", .bytes = 1}, 1000)
                .error()
                .reason,
            "too_many_files");
  ASSERT_TRUE(shelf_->Remove("main", done->file->id, 1000));
  EXPECT_TRUE(
      shelf_->Put("main", {.name = "b", .purpose = "batch", .content = "0123456789"}, 1000));
}

TEST_F(UploadsTest, TooManyThatWaitAreRefused) {
  for (int64_t i = 0; i < Limits::kUploadsMax; ++i) Begin(0);
  EXPECT_EQ(shelf_->BeginUpload("main", {.name = "a", .purpose = "batch"}, 1000).error().reason,
            "too_many_uploads");
  EXPECT_NE(Begin(0, 4600), "") << "those of before have expired";
}

// Who brought one piece of it has said something of all of it.
TEST_F(UploadsTest, TheHighestLabelOfAllPiecesIsTheFiles) {
  const std::string id =
      shelf_->BeginUpload("main", {.name = "a", .purpose = "batch", .bytes = 1}, 1000)->id;
  const auto part = shelf_->AddPart("main",
                                    {.upload_id = id,
                                     .content = "a",
                                     .label = chat::Label::kPersonal,
                                     .label_floor = chat::Label::kInternal},
                                    1000);
  ASSERT_TRUE(part);
  Open();
  const auto done = shelf_->CompleteUpload("main",
                                           {.upload_id = id,
                                            .part_ids = {part->id},
                                            .label = chat::Label::kPublic,
                                            .label_floor = chat::Label::kPublic},
                                           1000);
  ASSERT_TRUE(done && done->file);
  EXPECT_EQ(done->file->label, chat::Label::kPersonal);
  EXPECT_EQ(shelf_->Find("main", done->file->id, 1000)->label_floor, chat::Label::kInternal);
}

TEST_F(UploadsTest, AFullDiskLeavesTheUploadAsItWas) {
  const std::string id = Begin(1);
  const std::string part = Add(id, "a");
  std::filesystem::rename(folder_ / "files", folder_ / "elsewhere");
  EXPECT_EQ(shelf_->AddPart("main", {.upload_id = id, .content = "b"}, 1000).error().code,
            Code::kUnavailable);
  EXPECT_EQ(Complete(id, {part}).error().code, Code::kUnavailable);
  std::filesystem::rename(folder_ / "elsewhere", folder_ / "files");
  EXPECT_TRUE(Complete(id, {part}));
}

TEST_F(UploadsTest, WhatACrashLeftBehindIsSweptAndPartsAreNot) {
  const std::string id = Begin(1);
  const std::string part = Add(id, "a");
  std::ofstream(folder_ / "files" / "part_never") << "written, and its row was not";
  Open();
  EXPECT_THAT(OnDisk(), ElementsAre(part));
  EXPECT_TRUE(Complete(id, {part}));
}

}  // namespace
}  // namespace weir::files
