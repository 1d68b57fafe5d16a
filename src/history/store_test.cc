#include "history/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "async/run_for_test.h"
#include "history/learned_file.h"

namespace weir::history {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string pattern = testing::TempDir() + "weir-history-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    clock_.SetWall(WallTime(std::chrono::seconds(1'700'000'000)));
    Open();
  }
  ~StoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Open(const Bounds& bounds = {}) {
    store_.reset();
    store_ = std::move(Store::Open(folder_, loop_.executor(), clock_, bounds).value());
  }
  Record Made(std::string id) {
    Record record{.id = std::move(id), .time = clock_.WallNow(), .asked = "auto"};
    record.facts = routing::PromptFacts{.predicted = {.small_right = 6'000}};
    record.order = {"small", "big"};
    record.served = Served{.target = "small"};
    record.ended = true;
    return record;
  }
  std::optional<Record> Find(const std::string& id) {
    return RunForTest(loop_, store_->Find(id)).value();
  }
  std::vector<std::string> Kept() {
    std::vector<std::string> ids;
    auto shelf = Shelf::OpenToRead(folder_);
    EXPECT_TRUE(shelf);
    EXPECT_EQ(shelf->Each({},
                          [&](const Record& record) {
                            ids.push_back(record.id);
                            return true;
                          }),
              0);
    return ids;
  }

  Loop loop_;
  FakeClock clock_;
  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, TheNewestPaceOfEachTargetIsFoundAtTheNextStart) {
  EXPECT_TRUE(store_->TakePaces().empty());
  store_->KeepPace({.target = "a", .model = "m", .prefill = {100, 1.5}});
  const Pace newest{.target = "a",
                    .model = "m",
                    .prefill = {200, 2.5},
                    .decode = {3, 4},
                    .queue = {5, 6},
                    .first = {7, 8},
                    .answer = {9, 10},
                    .load_ms = 700};
  store_->KeepPace(newest);
  store_->KeepPace({.target = "b", .model = "n"});
  Open();
  EXPECT_THAT(store_->TakePaces(),
              testing::UnorderedElementsAre(newest, Pace{.target = "b", .model = "n"}));
  EXPECT_TRUE(store_->TakePaces().empty()) << "once";
}

TEST_F(StoreTest, PacesAreBoundedInNumberAndAge) {
  store_->KeepPace({.target = "old", .model = "m"});
  clock_.SetWall(clock_.WallNow() + std::chrono::hours(24 * 36));
  clock_.Advance(std::chrono::minutes(2));
  store_->KeepPace({.target = "new", .model = "m"});
  Open();
  const std::vector<Pace> kept = store_->TakePaces();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].target, "new");
  for (int64_t i = 0; i < Shelf::kPacesMax + 100; ++i) {
    store_->KeepPace({.target = "t" + std::to_string(i), .model = "m"});
  }
  Open();
  EXPECT_LE(store_->TakePaces().size(), static_cast<size_t>(Shelf::kPacesMax));
}

TEST_F(StoreTest, WhatWasKeptIsThereAfterARestart) {
  store_->Add(Made("dec_a"));
  EXPECT_EQ(Find("dec_a")->asked, "auto");
  EXPECT_FALSE(Find("dec_b"));
  Open();
  EXPECT_EQ(Find("dec_a")->served->target, "small");
}

TEST_F(StoreTest, SignalsAddUpAndAVoteCanBeTakenBack) {
  store_->Add(Made("dec_a"));
  store_->Signal("dec_a", {.continued = true});
  EXPECT_EQ(WasRight(Find("dec_a")->signals), true);
  store_->Signal("dec_a", {.regenerated = true});
  EXPECT_EQ(WasRight(Find("dec_a")->signals), false);
  ASSERT_TRUE(RunForTest(loop_, store_->Vote("dec_a", true)));
  EXPECT_EQ(WasRight(Find("dec_a")->signals), true) << "a vote outranks what was done";
  ASSERT_TRUE(RunForTest(loop_, store_->Vote("dec_a", std::nullopt)));
  EXPECT_EQ(Find("dec_a")->signals, (Signals{.regenerated = true, .continued = true}));
  store_->Signal("dec_none", {.regenerated = true});
  EXPECT_EQ(RunForTest(loop_, store_->Vote("dec_none", true)).error().reason, "decision_not_found");
}

TEST_F(StoreTest, ARecordThatIsPutAgainKeepsItsVotes) {
  store_->Add(Made("dec_a"));
  ASSERT_TRUE(RunForTest(loop_, store_->Vote("dec_a", false)));
  store_->Add(Made("dec_a"));
  EXPECT_EQ(Find("dec_a")->signals.vote, false);
}

TEST_F(StoreTest, NumberAndAgeAreBounded) {
  Open({.decisions_max = 3, .kept_for = std::chrono::hours(10)});
  for (int i = 0; i < 5; ++i) store_->Add(Made("dec_" + std::to_string(i)));
  Find("");
  clock_.Advance(std::chrono::minutes(2));
  store_->Add(Made("dec_5"));
  Find("");
  EXPECT_THAT(Kept(), ElementsAre("dec_3", "dec_4", "dec_5"));
  clock_.Advance(std::chrono::hours(10) - std::chrono::minutes(1));
  store_->Add(Made("dec_6"));
  Find("");
  EXPECT_THAT(Kept(), ElementsAre("dec_5", "dec_6"));
}

TEST_F(StoreTest, OnlyFirstAnswersFromBelowTheCloudTeach) {
  const auto keep = [&](Record record, bool up) {
    const std::string id = record.id;
    store_->Add(std::move(record));
    ASSERT_TRUE(RunForTest(loop_, store_->Vote(id, up)));
  };
  keep(Made("dec_good"), true);
  keep(Made("dec_bad"), false);
  Record cloud = Made("dec_cloud");
  cloud.order = {"big", "small"};
  cloud.served = Served{.target = "big", .tier = routing::Tier::kCloud};
  keep(std::move(cloud), true);
  Record second = Made("dec_second");
  second.order = {"other", "small"};
  keep(std::move(second), true);
  Record named = Made("dec_named");
  named.facts.reset();
  keep(std::move(named), true);
  store_->Add(Made("dec_unknown"));
  const auto learned = RunForTest(loop_, store_->Learn());
  ASSERT_TRUE(learned);
  EXPECT_EQ(learned->outcomes, 2u);
  EXPECT_EQ(learned->right, 1u);
  EXPECT_FALSE(learned->adopted);
}

TEST_F(StoreTest, PlacesOfQuestionsAreKeptBesideTheJsonAndHaveAVoteWhereThatHelps) {
  for (int i = 0; i < 120; ++i) {
    Record record = Made("dec_" + std::to_string(i));
    const bool first_topic = i < 60;
    record.place =
        routing::PromptPlace{uint64_t{1} << 63, first_topic ? routing::RoundedVector{127, 0, -3}
                                                            : routing::RoundedVector{0, 127, 3}};
    record.signals.vote = first_topic;
    EXPECT_EQ(PrintRecord(record).find("127"), std::string::npos);
    store_->Add(std::move(record));
  }
  Record silent = Made("dec_silent");
  silent.place = routing::PromptPlace{uint64_t{1} << 63, {127, 0, 0}};
  store_->Add(std::move(silent));
  store_->Add(Made("dec_elsewhere"));
  const auto learned = RunForTest(loop_, store_->LearnNeighbours({}));
  ASSERT_TRUE(learned);
  EXPECT_EQ(learned->judgement.known, 120u) << "nobody said how the others were";
  EXPECT_TRUE(learned->judgement.adopted) << learned->judgement.why;
  const auto vote = learned->neighbours.Vote({uint64_t{1} << 63, {0, 127, 0}});
  EXPECT_EQ(vote.near, 16);
  EXPECT_EQ(vote.right, 0);
  store_.reset();
  EXPECT_EQ(Store::ReadVoters(folder_, {})->neighbours.size(), 120u) << "after a restart too";
}

TEST_F(StoreTest, ARecordOfALaterVersionIsCountedAndLeftOut) {
  store_->Add(Made("dec_a"));
  Find("");
  store_.reset();
  auto db = sqlite::Database::Open(folder_ / kHistoryFile).value();
  ASSERT_TRUE(db.Execute("UPDATE decision SET record = '{\"id\":7}'"));
  auto shelf = Shelf::OpenToRead(folder_);
  EXPECT_EQ(shelf->Each({}, [](const Record&) { return true; }), 1);
}

TEST(OpenToRead, AFolderWithoutDecisionsSaysSo) {
  EXPECT_EQ(Shelf::OpenToRead("/nowhere").error().code, Code::kNotFound);
}

TEST_F(StoreTest, WhatWasLearntIsKeptAndADamagedFileIsRefused) {
  EXPECT_EQ(ReadLearned(folder_).value(), routing::Refit());
  const routing::Refit refit({{.predicted = 10, .right = 20}, {.predicted = 30, .right = 40}});
  ASSERT_TRUE(WriteLearned(folder_, refit));
  EXPECT_EQ(ReadLearned(folder_).value(), refit);
  std::filesystem::resize_file(folder_ / kLearnedFile, 20);
  EXPECT_THAT(ReadLearned(folder_).error().message, HasSubstr("weir route learn"));
  ASSERT_TRUE(WriteLearned(folder_, {}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / kLearnedFile));
  ASSERT_TRUE(WriteLearned(folder_, {})) << "there may be none";
}

}  // namespace
}  // namespace weir::history
