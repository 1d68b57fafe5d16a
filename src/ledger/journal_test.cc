#include "ledger/journal.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace weir::ledger {
namespace {

class JournalTest : public testing::Test {
 protected:
  JournalTest() : db_(sqlite::Database::OpenInMemory().value()) { Reopen(); }

  void Reopen() { journal_.emplace(Journal::Open(db_).value()); }
  std::vector<Lease> Apply(std::vector<Command> commands) {
    auto applied = journal_->Apply(commands);
    EXPECT_TRUE(applied.has_value());
    return applied.value_or(std::vector<Lease>());
  }
  int64_t Number(sqlite::Sql sql) {
    auto select = db_.Prepare(sql).value();
    EXPECT_TRUE(select.Step().value());
    return select.Int(0);
  }
  static Entry Cost(std::string decision, Pico cost) {
    return {.decision = std::move(decision), .cost = cost, .charges = {{kTeam, cost}}};
  }

  static inline const PurseId kTeam = {"team", Window::kDay, 20'000};
  sqlite::Database db_;
  std::optional<Journal> journal_;
};

TEST_F(JournalTest, AnEntryAndItsChargeAreThereTogetherAndOnce) {
  Apply({Cost("a", 5), Cost("b", 7), Cost("a", 5)});
  Apply({Cost("b", 7)});
  EXPECT_EQ(Number("SELECT count(*) FROM entry"), 2);
  EXPECT_EQ(journal_->Read(kTeam).value(), (PurseRow{.spent = 12}));
}

TEST_F(JournalTest, SoundHasItsSecondsAndItsPriceForAMinute) {
  Entry heard = Cost("a", 5);
  heard.usage.sound_s = 61;
  heard.price = std::make_shared<const Price>(
      Price{.target = "ears", .currency = "USD", .per_minute = 6, .source = "s", .version = "v"});
  Apply({heard, Cost("b", 1)});
  EXPECT_EQ(Number("SELECT sound_s FROM entry WHERE decision = 'a'"), 61);
  EXPECT_EQ(Number("SELECT per_minute FROM price WHERE input IS NULL"), 6);
  EXPECT_EQ(Number("SELECT count(*) FROM entry WHERE sound_s IS NULL"), 1);
}

TEST_F(JournalTest, WhatIsChargedComesOutOfTheLease) {
  const auto opened = Apply({LeaseWish{.purse = kTeam, .open = true, .more = 30, .limit = 100}});
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened[0].ceiling, 30);
  EXPECT_EQ(opened[0].row, PurseRow{});
  Apply({Cost("a", 10)});
  EXPECT_EQ(journal_->Read(kTeam).value(), (PurseRow{.spent = 10, .leased = 20}));
  EXPECT_EQ(Apply({LeaseWish{.purse = kTeam, .ceiling = 60}})[0].ceiling, 60);
  EXPECT_EQ(journal_->Read(kTeam).value(), (PurseRow{.spent = 10, .leased = 50}));
  Apply({Cost("b", 70)});  // an overrun
  EXPECT_EQ(journal_->Read(kTeam).value(), (PurseRow{.spent = 80}));
}

TEST_F(JournalTest, AfterACrashWhatWasLeasedIsHeldUntilItIsReleased) {
  Apply({LeaseWish{.purse = kTeam, .open = true, .more = 30, .limit = 100}, Cost("a", 10)});
  Reopen();
  EXPECT_EQ(journal_->Read(kTeam).value(), (PurseRow{.spent = 10, .held = 20}));
  Reopen();  // again: nothing is held twice
  EXPECT_EQ(journal_->Read(kTeam).value(), (PurseRow{.spent = 10, .held = 20}));
  Apply({Release{kTeam}});
  EXPECT_EQ(journal_->Read(kTeam).value(), (PurseRow{.spent = 10}));
}

TEST_F(JournalTest, AfterACloseNothingIsHeld) {
  Apply({LeaseWish{.purse = kTeam, .open = true, .more = 30, .limit = 100}, Cost("a", 10)});
  ASSERT_TRUE(journal_->Close().has_value());
  Reopen();
  EXPECT_EQ(journal_->Read(kTeam).value(), (PurseRow{.spent = 10}));
}

TEST_F(JournalTest, APriceIsKeptOnceAndNamedByItsEntries) {
  const auto price = std::make_shared<const Price>(Price{
      .target = "big", .currency = "USD", .input = 5, .source = "configuration", .version = "v1"});
  Entry entry = Cost("a", 5);
  entry.price = price;
  Entry other = Cost("b", 5);
  other.price = price;
  Apply({entry, other});
  Reopen();
  Entry third = Cost("c", 5);
  third.price = price;
  Apply({third});
  EXPECT_EQ(Number("SELECT count(*) FROM price"), 1);
  EXPECT_EQ(Number("SELECT count(*) FROM entry WHERE price = 1 AND currency = 'USD'"), 3);
}

TEST_F(JournalTest, AGapKeepsTheMoneyOfLinesThatWereDropped) {
  Apply({Gap{.entries = 3, .cost = {{"USD", 40}, {"EUR", 2}}, .charges = {{kTeam, 40}}}});
  EXPECT_EQ(Number("SELECT sum(entries) FROM gap"), 3);
  EXPECT_EQ(Number("SELECT cost FROM gap WHERE currency = 'USD'"), 40);
  EXPECT_EQ(journal_->Read(kTeam).value().spent, 40);
}

TEST_F(JournalTest, SpendingStaysInRange) {
  Apply({Cost("a", kPicoMax), Cost("b", kPicoMax)});
  EXPECT_EQ(journal_->Read(kTeam).value().spent, kPicoMax);
}

TEST(JournalFile, ABatchThatTheDiskRefusesLeavesNothingAndCanBeRepeated) {
  std::string pattern = testing::TempDir() + "weir-journal-XXXXXX";
  const std::filesystem::path folder = mkdtemp(pattern.data());
  {
    auto db =
        sqlite::Database::Open(folder / "ledger.db", {.busy_timeout = std::chrono::milliseconds(1)})
            .value();
    auto journal = Journal::Open(db).value();
    auto other = sqlite::Database::Open(folder / "ledger.db").value();
    const std::vector<Command> commands = {
        Entry{.decision = "a", .cost = 5, .charges = {{{"team", Window::kTotal, 0}, 5}}}};
    {
      const auto lock = sqlite::Transaction::Begin(other).value();
      EXPECT_EQ(journal.Apply(commands).error().reason, "storage_locked");
    }
    EXPECT_EQ(journal.Read({"team", Window::kTotal, 0}).value(), PurseRow{});
    EXPECT_TRUE(journal.Apply(commands).has_value());
    EXPECT_EQ(journal.Read({"team", Window::kTotal, 0}).value(), (PurseRow{.spent = 5}));
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace weir::ledger
