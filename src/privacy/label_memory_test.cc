#include "privacy/label_memory.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "async/run_for_test.h"

namespace weir::privacy {
namespace {

using chat::Label;
using chat::Message;
using chat::Role;

Message Say(Role role, std::string text) {
  return {.role = role, .parts = {{.text = std::move(text)}}};
}
const std::string kLong(100, 'x');

class LabelMemoryTest : public testing::Test {
 protected:
  LabelMemoryTest() {
    char pattern[] = "/tmp/weir_labels_XXXXXX";
    folder_ = mkdtemp(pattern);
    Reopen();
  }
  ~LabelMemoryTest() override {
    memory_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Reopen(WallTime now = SystemClock().WallNow()) {
    memory_.reset();
    auto opened = LabelMemory::Open(folder_, loop_.executor(), now);
    ASSERT_TRUE(opened) << opened.error().message;
    memory_ = std::move(*opened);
  }
  void Keep(const std::vector<Message>& messages, Label label) {
    const Written written = memory_->Remember(memory_->Recall("t", messages)->marks, label);
    EXPECT_TRUE(RunForTest(loop_, written.Wait()));
  }
  std::optional<Label> LabelFor(const std::vector<Message>& messages,
                                std::string_view tenant = "t") {
    return memory_->Recall(tenant, messages)->label;
  }

  Loop loop_;
  std::filesystem::path folder_;
  std::unique_ptr<LabelMemory> memory_;
};

TEST_F(LabelMemoryTest, AHistoryKeepsItsLabelAfterARestartToo) {
  Keep({Say(Role::kUser, "short"), Say(Role::kTool, kLong)}, Label::kPersonal);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(LabelFor({Say(Role::kUser, "short"), Say(Role::kAssistant, "ok"),
                        Say(Role::kUser, "and then?")}),
              Label::kPersonal);
    EXPECT_EQ(LabelFor({Say(Role::kUser, kLong)}), Label::kPersonal);
    EXPECT_EQ(LabelFor({Say(Role::kUser, "other")}), std::nullopt);
    EXPECT_EQ(LabelFor({Say(Role::kUser, kLong)}, "other tenant"), std::nullopt);
    Reopen();
  }
}

TEST_F(LabelMemoryTest, LabelsOnlyRise) {
  const std::vector<Message> text = {Say(Role::kUser, kLong)};
  Keep(text, Label::kPersonal);
  Keep(text, Label::kPublic);
  EXPECT_EQ(LabelFor(text), Label::kPersonal);
  Keep(text, Label::kSecret);
  Reopen();
  EXPECT_EQ(LabelFor(text), Label::kSecret);
}

TEST_F(LabelMemoryTest, ARequestJoinsAllThatIsKnown) {
  Keep({Say(Role::kUser, kLong)}, Label::kPersonal);
  Keep({Say(Role::kUser, kLong + "y")}, Label::kSecret);
  EXPECT_EQ(LabelFor({Say(Role::kUser, kLong), Say(Role::kUser, kLong + "y")}), Label::kSecret);
}

TEST_F(LabelMemoryTest, KnowsItsOwnAnswersFromOthers) {
  const std::vector<Message> turn = {Say(Role::kUser, "?"), Say(Role::kAssistant, "Yes.")};
  EXPECT_TRUE(memory_->Recall("t", turn)->foreign_assistant);
  memory_->RememberAnswer("t", "Yes.", Label::kSecret);
  EXPECT_FALSE(memory_->Recall("t", turn)->foreign_assistant);
  // Everybody says yes: that alone is no secret.
  EXPECT_EQ(LabelFor(turn), std::nullopt);
  memory_->RememberAnswer("t", kLong, Label::kSecret);
  EXPECT_EQ(LabelFor({Say(Role::kUser, kLong)}), Label::kSecret);
}

TEST_F(LabelMemoryTest, WhatIsUnderWayToTheDiskIsWaitedForByEverybody) {
  const std::vector<Message> text = {Say(Role::kUser, kLong)};
  const std::vector<Mark> marks = memory_->Recall("t", text)->marks;
  memory_->Remember(marks, Label::kSecret);
  const Written second = memory_->Remember(marks, Label::kSecret);
  EXPECT_TRUE(RunForTest(loop_, second.Wait()));
  auto reader = LabelMemory::Open(folder_, loop_.executor(), SystemClock().WallNow());
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->Recall("t", text)->label, Label::kSecret);
}

TEST_F(LabelMemoryTest, ForgetsAfterAYearAndMore) {
  const std::vector<Message> text = {Say(Role::kUser, kLong)};
  Keep(text, Label::kSecret);
  Reopen(SystemClock().WallNow() + std::chrono::hours(24 * 399));
  EXPECT_EQ(LabelFor(text), Label::kSecret);
  Reopen(SystemClock().WallNow() + std::chrono::hours(24 * 402));
  EXPECT_EQ(LabelFor(text), std::nullopt);
}

TEST_F(LabelMemoryTest, ADamagedFileIsRefusedAndNotTakenForEmpty) {
  memory_.reset();
  std::FILE* file = std::fopen((folder_ / "labels.db").c_str(), "w");
  std::fputs("nonsense, and more than a header of nonsense, so that it is no empty file", file);
  std::fclose(file);
  EXPECT_FALSE(LabelMemory::Open(folder_, loop_.executor(), SystemClock().WallNow()));
  std::filesystem::remove(folder_ / "labels.db");
}

}  // namespace
}  // namespace weir::privacy
