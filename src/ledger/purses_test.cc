#include "ledger/purses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "ledger/journal.h"
#include "sqlite/database.h"

namespace weir::ledger {
namespace {

using Kind = Purses::Verdict::Kind;

Claim ClaimOn(std::string budget, Pico limit, bool hard = true, int64_t period = 20'000) {
  return {{std::move(budget), Window::kDay, period}, limit, hard};
}

// Answers every wish at once, as a disk does that is quick.
void Answer(Purses& purses, std::map<PurseId, PurseRow>& disk) {
  for (const LeaseWish& wish : purses.TakeWishes()) {
    PurseRow& row = disk[wish.purse];
    const Pico gone = row.spent + row.held;
    if (wish.open) purses.Opened(wish.purse, row);
    const Pico ceiling =
        std::max(gone, wish.open ? std::min(wish.limit, gone + wish.more) : wish.ceiling);
    row.leased = ceiling - gone;
    purses.Leased(wish.purse, ceiling);
  }
}

TEST(Purses, NothingIsReservedBeforeTheDiskHasSpoken) {
  Purses purses;
  std::map<PurseId, PurseRow> disk;
  const std::vector claims = {ClaimOn("team", 100)};
  EXPECT_EQ(purses.Reserve(claims, 10).kind, Kind::kWait);
  EXPECT_EQ(purses.Reserve(claims, 10).kind, Kind::kWait);
  EXPECT_EQ(purses.TakeWishes().size(), 1u);  // asked once
  purses.NotLeased(claims[0].purse);
  EXPECT_EQ(purses.Reserve(claims, 10).kind, Kind::kWait);
  Answer(purses, disk);
  EXPECT_EQ(purses.Reserve(claims, 10).kind, Kind::kTaken);
}

TEST(Purses, WhatIsReservedAndSpentNeverExceedsTheLimit) {
  Purses purses;
  std::map<PurseId, PurseRow> disk;
  const std::vector claims = {ClaimOn("team", 100)};
  purses.Reserve(claims, 60);
  Answer(purses, disk);
  EXPECT_EQ(purses.Reserve(claims, 60).kind, Kind::kTaken);
  const auto busy = purses.Reserve(claims, 60);
  EXPECT_EQ(busy.kind, Kind::kBusy);
  EXPECT_EQ(busy.left, 100);
  purses.Settle(claims, 60, 50);
  const auto exhausted = purses.Reserve(claims, 60);
  EXPECT_EQ(exhausted.kind, Kind::kExhausted);
  EXPECT_EQ(exhausted.left, 50);
}

TEST(Purses, AnOverrunIsChargedAndBlocksFromThenOn) {
  Purses purses;
  std::map<PurseId, PurseRow> disk;
  const std::vector claims = {ClaimOn("team", 100)};
  purses.Reserve(claims, 10);
  Answer(purses, disk);
  ASSERT_EQ(purses.Reserve(claims, 10).kind, Kind::kTaken);
  purses.Settle(claims, 10, 150);  // hidden tokens
  EXPECT_EQ(purses.Find(claims[0].purse)->spent, 150);
  EXPECT_EQ(purses.Reserve(claims, 1).kind, Kind::kExhausted);
}

TEST(Purses, WhoIsRefusedHearsWhenTheLastOfThemBeginsAnew) {
  Purses purses;
  std::map<PurseId, PurseRow> disk;
  const Claim day = ClaimOn("team", 100);
  const Claim week{{"team", Window::kWeek, 2'857}, 100};
  const Claim total{{"team", Window::kTotal, 0}, 1000};
  for (const Claim& claim : {day, week, total}) purses.Prepare(claim);
  Answer(purses, disk);
  purses.Settle(std::array{ClaimOn("team", 100, false), Claim{week.purse, 100, false}}, 0, 95);
  const std::array both = {day, week};
  const std::array other_way = {week, day};
  EXPECT_EQ(purses.Reserve(both, 10).until, EndOf(Window::kWeek, 2'857));
  EXPECT_EQ(purses.Reserve(other_way, 10).purse, week.purse);
  // More than a whole day has is more than every day has, whatever else is in the way.
  EXPECT_EQ(purses.Reserve(both, 101).kind, Kind::kExhausted);
  EXPECT_EQ(purses.Reserve(both, 101).until, std::nullopt);
  // What is for all time does not come back.
  purses.Settle(std::array{Claim{total.purse, 1000, false}}, 0, 995);
  const std::array all = {total, week};
  EXPECT_EQ(purses.Reserve(all, 10).until, std::nullopt);
  EXPECT_EQ(purses.Reserve(all, 10).purse, total.purse);
}

TEST(Purses, AllClaimsAreTakenOrNone) {
  Purses purses;
  std::map<PurseId, PurseRow> disk;
  const std::vector claims = {ClaimOn("wide", 1000), ClaimOn("narrow", 10)};
  EXPECT_EQ(purses.Reserve(claims, 20).kind, Kind::kWait);
  Answer(purses, disk);
  EXPECT_EQ(purses.Reserve(claims, 20).kind, Kind::kExhausted);
  EXPECT_EQ(purses.Find(claims[0].purse)->reserved, 0);
}

TEST(Purses, SoftPursesRefuseNothingAndCount) {
  Purses purses;
  std::map<PurseId, PurseRow> disk;
  const std::vector claims = {ClaimOn("soft", 10, /*hard=*/false)};
  EXPECT_EQ(purses.Reserve(claims, 20).kind, Kind::kTaken);  // before the disk has spoken
  purses.Settle(claims, 20, 15);
  disk[claims[0].purse].spent = 100;  // of an earlier run
  Answer(purses, disk);
  EXPECT_EQ(purses.Find(claims[0].purse)->spent, 115);
}

TEST(Purses, AClockThatGoesBackDoesNotReopenASpentDay) {
  Purses purses;
  std::map<PurseId, PurseRow> disk;
  const auto spend = [&](int64_t day) {
    const std::vector claims = {ClaimOn("team", 100, true, day)};
    if (purses.Reserve(claims, 100).kind == Kind::kWait) Answer(purses, disk);
    const auto verdict = purses.Reserve(claims, 100);
    if (verdict.kind != Kind::kTaken) return false;
    purses.Settle(claims, 100, 100);
    disk[claims[0].purse].spent += 100;
    return true;
  };
  EXPECT_TRUE(spend(20'000));
  EXPECT_TRUE(spend(20'001));
  purses.Tidy(WallTime(std::chrono::hours(24 * 20'001)));  // forgets the day before
  EXPECT_FALSE(spend(20'000));
  EXPECT_FALSE(spend(20'001));
}

TEST(Purses, AnIdleLeaseGoesBack) {
  Purses purses;
  std::map<PurseId, PurseRow> disk;
  const std::vector claims = {ClaimOn("team", 1000)};
  purses.Reserve(claims, 800);
  Answer(purses, disk);
  ASSERT_EQ(purses.Reserve(claims, 800).kind, Kind::kTaken);
  purses.Settle(claims, 800, 1);
  disk[claims[0].purse].spent = 1;
  purses.Tidy(WallTime(std::chrono::hours(24 * 20'000)));
  Answer(purses, disk);
  EXPECT_EQ(disk[claims[0].purse].leased, 1000 / 50);
}

TEST(Purses, ThereIsABoundOnTheirNumber) {
  Purses purses;
  for (size_t i = 0; i < Purses::kPursesMax; ++i) {
    purses.Prepare(ClaimOn("b" + std::to_string(i), 1));
  }
  const std::vector claims = {ClaimOn("one more", 1)};
  EXPECT_EQ(purses.Reserve(claims, 1).kind, Kind::kTooMany);
}

// Runs requests through the purses and the real tables, and ends the program at any moment. What a
// provider has been paid, or may still ask for, is what the file counts as gone; entries are there
// once or were never committed.
class World {
 public:
  explicit World(uint64_t seed) : random_(seed), db_(sqlite::Database::OpenInMemory().value()) {
    Start();
  }

  void Step() {
    const auto what = Draw(100);
    if (what < 35) {
      Begin();
    } else if (what < 65) {
      End();
    } else if (what < 90) {
      Write();
    } else if (what < 95) {
      purses_.Tidy(Now());
      Send();
    } else if (what < 97) {
      day_ += static_cast<int64_t>(Draw(3)) - 1;  // the clock also goes back
    } else if (what < 99) {
      Crash();
    } else {
      Stop();
    }
    Check();
  }

  void Finish() {
    Stop();
    Check();
    EXPECT_GT(served_, 0);
  }

 private:
  struct Running {
    std::vector<Claim> claims;
    Pico reserved;
  };

  uint64_t Draw(uint64_t below) { return random_() % below; }
  WallTime Now() const { return WallTime(std::chrono::hours(24 * day_)); }

  void Start() {
    purses_ = Purses();
    journal_.emplace(Journal::Open(db_).value());
  }

  std::vector<Claim> Claims() const {
    return {{{"day", Window::kDay, PeriodOf(Window::kDay, Now())}, kDayLimit, true},
            {{"all", Window::kTotal, 0}, kAllLimit, true}};
  }

  void Begin() {
    const auto claims = Claims();
    const Pico amount = 1 + static_cast<Pico>(Draw(kDayLimit / 5));
    const auto verdict = purses_.Reserve(claims, amount);
    Send();
    if (verdict.kind != Kind::kTaken) return;
    running_.push_back({claims, amount});
    // From now on the provider may ask for all of it.
    for (const Claim& claim : claims) exposed_[claim.purse] += amount;
  }

  void End() {
    if (running_.empty()) return;
    const size_t which = Draw(running_.size());
    const Running done = running_[which];
    running_.erase(running_.begin() + static_cast<ptrdiff_t>(which));
    const Pico cost = static_cast<Pico>(Draw(static_cast<uint64_t>(done.reserved) + 1));
    ++served_;
    Entry entry{.decision = "d" + std::to_string(served_), .attempt = 1, .cost = cost};
    for (const Claim& claim : done.claims) {
      entry.charges.push_back({claim.purse, cost});
      exposed_[claim.purse] += cost - done.reserved;
    }
    purses_.Settle(done.claims, done.reserved, cost);
    queue_.emplace_back(std::move(entry));
  }

  void Send() {
    for (LeaseWish& wish : purses_.TakeWishes()) queue_.emplace_back(std::move(wish));
  }

  // Some of what waits; sometimes twice, as after a commit of which nobody knows whether it
  // happened.
  void Write() {
    const size_t count = std::min<size_t>(queue_.size(), Draw(8));
    std::vector<Command> batch(
        std::make_move_iterator(queue_.begin()),
        std::make_move_iterator(queue_.begin() + static_cast<ptrdiff_t>(count)));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(count));
    auto leases = journal_->Apply(batch);
    ASSERT_TRUE(leases.has_value()) << leases.error().message;
    if (Draw(4) == 0 && std::ranges::all_of(batch, [](const Command& command) {
          return std::holds_alternative<Entry>(command);
        })) {
      ASSERT_TRUE(journal_->Apply(batch).has_value());
    }
    for (const Command& command : batch) committed_ += std::holds_alternative<Entry>(command);
    for (const Lease& lease : *leases) {
      if (lease.row) purses_.Opened(lease.purse, *lease.row);
      purses_.Leased(lease.purse, lease.ceiling);
    }
  }

  // Running requests go on at the provider, and may cost all that they reserved.
  void Crash() {
    running_.clear();
    queue_.clear();
    Start();
  }

  void Stop() {
    while (!running_.empty()) End();
    Send();
    while (!queue_.empty()) Write();
    ASSERT_TRUE(journal_->Close().has_value());
    Start();
  }

  void Check() {
    for (const Purses::Seen& seen : purses_.All()) {
      const Pico limit = seen.purse.budget == "day" ? kDayLimit : kAllLimit;
      ASSERT_LE(seen.spent + seen.held + seen.reserved, limit);
      if (seen.reserved > 0) ASSERT_LE(seen.spent + seen.held + seen.reserved, seen.ceiling);
      ASSERT_LE(seen.ceiling, limit);
    }
    for (const auto& [purse, exposed] : exposed_) {
      const PurseRow row = journal_->Read(purse).value();
      const Pico limit = purse.budget == "day" ? kDayLimit : kAllLimit;
      ASSERT_LE(exposed, row.spent + row.held + row.leased) << purse.budget << purse.period;
      ASSERT_LE(row.spent + row.held + row.leased, limit);
      ASSERT_LE(exposed, limit);
    }
    auto count = db_.Prepare("SELECT count(*), count(DISTINCT decision) FROM entry").value();
    ASSERT_TRUE(count.Step().value());
    ASSERT_EQ(count.Int(0), committed_);
    ASSERT_EQ(count.Int(1), committed_);
  }

  static constexpr Pico kDayLimit = 10'000;
  static constexpr Pico kAllLimit = 1'000'000;

  std::mt19937_64 random_;
  sqlite::Database db_;
  std::optional<Journal> journal_;
  Purses purses_;
  std::deque<Command> queue_;
  std::vector<Running> running_;
  std::map<PurseId, Pico> exposed_;
  int64_t day_ = 20'000;
  int64_t served_ = 0;
  int64_t committed_ = 0;
};

TEST(Purses, NoCrashLosesMoneyOrACommittedEntry) {
  const uint64_t seeds = std::getenv("WEIR_LONG") != nullptr ? 500 : 25;
  for (uint64_t seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int step = 0; step < 1500 && !testing::Test::HasFailure(); ++step) world.Step();
    world.Finish();
  }
}

}  // namespace
}  // namespace weir::ledger
