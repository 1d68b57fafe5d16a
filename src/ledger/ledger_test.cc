#include "ledger/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "async/run_for_test.h"
#include "async/spawn.h"
#include "ledger/report.h"

namespace weir::ledger {
namespace {

using testing::HasSubstr;

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    std::string pattern = testing::TempDir() + "weir-ledger-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    Reopen();
  }
  ~LedgerTest() override {
    ledger_.reset();
    loop_.RunFor(std::chrono::milliseconds(100));
    std::filesystem::remove_all(folder_);
  }
  void Reopen() {
    ledger_.reset();
    ledger_ = Ledger::Open(folder_, loop_.executor(), clock_).value();
  }
  Result<void> Reserve(const std::vector<Claim>& claims, Pico amount) {
    return RunForTest(loop_, ledger_->Reserve(claims, amount));
  }
  void Book(const std::vector<Claim>& claims, Pico reserved, Pico cost) {
    ledger_->Book({.time = clock_.WallNow(),
                   .decision = "dec" + std::to_string(++booked_),
                   .target = "big",
                   .cost = cost},
                  claims, reserved);
  }
  std::vector<Claim> Claims(Pico limit) {
    return {{{"team", Window::kDay, PeriodOf(Window::kDay, clock_.WallNow())}, limit, true}};
  }
  // Asked again while the ledger says that its disk does not answer.
  Report Read() {
    Result<Report> report = Fail(Code::kUnavailable, "not asked");
    const MonotonicTime give_up = SystemClock().Now() + kTestPatience;
    while (!report && report.error().code == Code::kUnavailable && SystemClock().Now() < give_up) {
      report = RunForTest(loop_, ledger_->Ask<Report>([](sqlite::Database& db) {
        return ReadReport(db, {.by = "target"});
      }));
    }
    return report.value();
  }

  Loop loop_;
  FakeClock clock_;
  std::filesystem::path folder_;
  std::unique_ptr<Ledger> ledger_;
  int booked_ = 0;
};

TEST_F(LedgerTest, WhatIsBookedIsOnTheDiskAndCountsAfterARestart) {
  const auto claims = Claims(100);
  ASSERT_TRUE(Reserve(claims, 60).has_value());
  Book(claims, 60, 40);
  EXPECT_EQ(Read().total.entries, 1);
  Reopen();
  EXPECT_EQ(Reserve(claims, 61).error().reason, "budget_exhausted");
  EXPECT_TRUE(Reserve(claims, 60).has_value());
  ledger_->Return(claims, 60);
}

TEST_F(LedgerTest, ARefusalSaysWhichBudgetWhatIsLeftAndWhenToComeBack) {
  const auto claims = Claims(kPicoPerUnit);
  clock_.SetWall(WallTime(std::chrono::hours(24 * 20'000 + 23)));
  const auto today = Claims(kPicoPerUnit);
  ASSERT_TRUE(Reserve(today, kPicoPerUnit / 2).has_value());
  Book(today, kPicoPerUnit / 2, kPicoPerUnit / 2);
  const auto refused = Reserve(today, kPicoPerUnit);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kRateLimited);
  EXPECT_EQ(refused.error().retry_after_s, 3601);
  EXPECT_THAT(refused.error().message,
              HasSubstr("budget 'team' (per day) has 0.5 left and this request may cost 1; wait"));
  // No day has so much.
  const auto never = Reserve(today, 2 * kPicoPerUnit);
  EXPECT_EQ(never.error().retry_after_s, 0);
  EXPECT_THAT(
      never.error().message,
      HasSubstr("budget 'team' (per day) allows 1 and this request alone may cost 2, which never "
                "fits; ask for fewer tokens"));
}

TEST_F(LedgerTest, ManyAtOnceNeverReserveBeyondTheLimit) {
  const auto claims = Claims(1000);
  int taken = 0;
  int refused = 0;
  for (int i = 0; i < 64; ++i) {
    Spawn(loop_.executor(), "one of many",
          [](Ledger& ledger, std::vector<Claim> of, int& good, int& bad) -> Task<void> {
            const auto reserved = co_await ledger.Reserve(of, 100);
            ++(reserved ? good : bad);
          }(*ledger_, claims, taken, refused));
  }
  const MonotonicTime until = SystemClock().Now() + kTestPatience;
  while (taken + refused < 64 && SystemClock().Now() < until) {
    loop_.RunFor(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(taken, 10);
  EXPECT_EQ(refused, 54);
  for (int i = 0; i < taken; ++i) Book(claims, 100, 100);
  EXPECT_EQ(Read().total.entries, 10);
}

TEST_F(LedgerTest, WhatIsHeldIsFreeAgainOnceItIsReleased) {
  const auto claims = Claims(100);
  {
    auto db = sqlite::Database::Open(folder_ / kLedgerFile).value();
    auto journal = Journal::Open(db).value();
    const std::vector<Command> lease = {
        LeaseWish{.purse = claims[0].purse, .open = true, .more = 90, .limit = 100}};
    ASSERT_TRUE(journal.Apply(lease).has_value());
    ASSERT_TRUE(Journal::Open(db).has_value());  // as after a crash
  }
  EXPECT_EQ(Reserve(claims, 20).error().reason, "budget_exhausted");
  ASSERT_TRUE(RunForTest(loop_, ledger_->ReleaseHeld(claims[0].purse)).has_value());
  EXPECT_TRUE(Reserve(claims, 20).has_value());
  ledger_->Return(claims, 20);
}

TEST_F(LedgerTest, ADiskThatDoesNotKeepUpDropsLinesAndNoMoney) {
  const auto price = std::make_shared<const Price>(
      Price{.target = "big", .currency = "USD", .input = 1, .version = "v"});
  std::vector<Claim> soft = Claims(1'000'000);
  soft[0].hard = false;
  constexpr int kMany = 60'000;
  {
    auto other = sqlite::Database::Open(folder_ / kLedgerFile).value();
    const auto lock = sqlite::Transaction::Begin(other).value();
    for (int i = 0; i < kMany; ++i) {
      ledger_->Book({.time = clock_.WallNow(),
                     .decision = "dec" + std::to_string(++booked_),
                     .target = "big",
                     .price = price,
                     .cost = 1},
                    soft, 0);
    }
    const auto figures = ledger_->figures();
    EXPECT_EQ(figures.booked, static_cast<uint64_t>(kMany));
    EXPECT_GT(figures.dropped, 0u);
    EXPECT_LE(figures.pending, Ledger::kPendingMax);
  }
  const Report report = Read();
  EXPECT_EQ(report.missing + report.total.entries, kMany);
  EXPECT_EQ(report.total.cost.at("USD").Text(), MoneyText(kMany));
  Reopen();
  const auto row =
      RunForTest(loop_, ledger_->Ask<int64_t>([](sqlite::Database& db) -> Result<int64_t> {
        auto select = db.Prepare("SELECT spent FROM purse").value();
        EXPECT_TRUE(select.Step().value());
        return select.Int(0);
      }));
  EXPECT_EQ(row, kMany);
}

}  // namespace
}  // namespace weir::ledger
