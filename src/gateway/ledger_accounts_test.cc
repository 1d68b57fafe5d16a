#include "gateway/ledger_accounts.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "async/run_for_test.h"
#include "ledger/report.h"

namespace weir::gateway {
namespace {

using Status = Outcome::Status;
using ledger::Window;
using routing::Tier;

class LedgerAccountsTest : public testing::Test {
 protected:
  LedgerAccountsTest() {
    std::string pattern = testing::TempDir() + "weir-accounts-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    ledger_ = ledger::Ledger::Open(folder_, loop_.executor(), clock_).value();
    accounts_.emplace(*ledger_, clock_);
  }
  ~LedgerAccountsTest() override {
    accounts_.reset();
    ledger_.reset();
    loop_.RunFor(std::chrono::milliseconds(100));
    std::filesystem::remove_all(folder_);
  }

  static TargetMoney Priced(std::string target, std::string currency, ledger::Pico input,
                            ledger::Pico output) {
    return {.price =
                std::make_shared<const ledger::Price>(ledger::Price{.target = std::move(target),
                                                                    .currency = std::move(currency),
                                                                    .input = input,
                                                                    .output = output,
                                                                    .source = "configuration",
                                                                    .version = "v"}),
            .context_tokens = 1000,
            .max_output_tokens = 100};
  }
  LedgerRules Rules() {
    LedgerRules rules{.watts = 50};
    rules.targets["big"] = Priced("big", "USD", 1, 10);
    rules.targets["cheap"] = Priced("cheap", "USD", 1, 2);
    rules.elsewhere = {Cloud("big"), Cloud("cheap")};
    return rules;
  }
  static routing::Target Cloud(std::string name) {
    return {.name = name, .model = name, .tier = Tier::kCloud, .beyond = true};
  }
  static Spending Ask(routing::Target target) {
    return {.decision_id = "dec_1",
            .asked = "auto",
            .target = std::move(target),
            .extent = {.prompt_bytes = 30, .prompt_tokens_max = 40, .answer_tokens_max = 5}};
  }
  Result<std::unique_ptr<Account>> Open(Spending spending) {
    return RunForTest(loop_, accounts_->Open(std::move(spending)));
  }
  ledger::Report Read(std::string by = "target") {
    return RunForTest(loop_, ledger_->Ask<ledger::Report>([by](sqlite::Database& db) {
             return ledger::ReadReport(db, {.by = by});
           }))
        .value();
  }
  static ledger::Budget Hard(ledger::Pico limit, std::string currency = "USD") {
    return {.name = "team",
            .currency = std::move(currency),
            .hard = true,
            .limits = {{Window::kDay, limit}}};
  }

  Loop loop_;
  FakeClock clock_;
  std::filesystem::path folder_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::optional<LedgerAccounts> accounts_;
};

TEST_F(LedgerAccountsTest, AServedAnswerCostsWhatItsProviderCounted) {
  accounts_->Use(Rules());
  auto account = Open(Ask(Cloud("big"))).value();
  const Booked booked = account->Settle({.reported = {.prompt_tokens = 11, .completion_tokens = 0},
                                         .counted = {.prompt_tokens = 10, .completion_tokens = 7}});
  EXPECT_EQ(booked.cost, 11);  // a count of zero is a count
  EXPECT_EQ(booked.currency, "USD");
  EXPECT_EQ(Read().total.estimated, 0);
}

TEST_F(LedgerAccountsTest, WhatNobodyReportedIsEstimatedAndSaid) {
  accounts_->Use(Rules());
  EXPECT_EQ(Open(Ask(Cloud("big")))
                .value()
                ->Settle({.status = Status::kCancelled,
                          .reported = {.prompt_tokens = 11, .completion_tokens = 1},
                          .counted = {.prompt_tokens = 10, .completion_tokens = 7}})
                .cost,
            11 + 70);  // the provider had counted its first token alone
  const auto total = Read().total;
  EXPECT_EQ(total.estimated, 1);
  EXPECT_EQ(total.cancelled, 1);
}

TEST_F(LedgerAccountsTest, WhatCannotHaveCostCostsNothing) {
  accounts_->Use(Rules());
  EXPECT_EQ(Open(Ask(Cloud("big")))
                .value()
                ->Settle({.status = Status::kFailed,
                          .reason = "connect_failed",
                          .may_have_cost = false,
                          .counted = {.prompt_tokens = 10}})
                .cost,
            0);
  Open(Ask(Cloud("big"))).value().reset();
  const auto total = Read("status").total;
  EXPECT_EQ(total.entries, 2);
  EXPECT_EQ(total.prompt_tokens, 0);
}

TEST_F(LedgerAccountsTest, AHardBudgetRefusesWhatItCannotPay) {
  LedgerRules rules = Rules();
  rules.budgets = {Hard(100)};
  accounts_->Use(rules);
  auto first = Open(Ask(Cloud("big")));  // 40 and 50
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(Open(Ask(Cloud("big"))).error().reason, "budget_exhausted");
  (*first)->Settle({.reported = {.prompt_tokens = 5, .completion_tokens = 0}});
  first->reset();
  EXPECT_TRUE(Open(Ask(Cloud("big"))).has_value());
  rules.budgets[0].refuses = true;
  rules.budgets[0].limits[0].second = 10;
  accounts_->Use(rules);
  EXPECT_EQ(Open(Ask(Cloud("big"))).error().reason, "budget_refuses");
  // What has no price here is not the budget's.
  EXPECT_TRUE(Open(Ask({.name = "small"})).has_value());
}

TEST_F(LedgerAccountsTest, WithoutAPriceAHardBudgetLetsNothingOut) {
  LedgerRules rules = Rules();
  rules.budgets = {Hard(100, "EUR")};
  accounts_->Use(rules);
  EXPECT_EQ(Open(Ask(Cloud("big"))).error().reason, "budget_needs_price");  // paid in USD
  EXPECT_EQ(Open(Ask(Cloud("unknown"))).error().reason, "budget_needs_price");
}

TEST_F(LedgerAccountsTest, AnAnswerOfUnknownCostTakesItsWholeReservation) {
  LedgerRules rules = Rules();
  rules.budgets = {Hard(1000)};
  accounts_->Use(rules);
  EXPECT_EQ(Open(Ask(Cloud("big"))).value()->Settle({.status = Status::kFailed}).cost, 90);
}

TEST_F(LedgerAccountsTest, ALocalAnswerIsComparedAndItsEnergyShared) {
  accounts_->Use(Rules());
  auto one = Open(Ask({.name = "small"})).value();
  auto two = Open(Ask({.name = "small"})).value();
  clock_.Advance(std::chrono::seconds(4));
  const Outcome served{.reported = {.prompt_tokens = 10, .completion_tokens = 5},
                       .computed = std::chrono::seconds(4)};
  EXPECT_EQ(one->Settle(served).cost, std::nullopt);
  two->Settle({.status = Status::kCancelled});
  const auto total = Read().total;
  EXPECT_EQ(total.strong.at("USD").Text(), ledger::MoneyText(10 + 50));
  EXPECT_EQ(total.cheapest.at("USD").Text(), ledger::MoneyText(10 + 10));
  EXPECT_EQ(total.strong_known, 1);
  EXPECT_EQ(total.energy_mj, 4000 * 50 / 2);  // half of the machine
  EXPECT_EQ(total.unpriced, 0);
}

TEST_F(LedgerAccountsTest, ACheapTargetThatCannotTakeTheRequestIsNoComparison) {
  LedgerRules rules = Rules();
  rules.elsewhere[0].vision = true;
  accounts_->Use(rules);
  Spending spending = Ask({.name = "small"});
  spending.features.images = true;
  Open(std::move(spending))
      .value()
      ->Settle({.reported = {.prompt_tokens = 10, .completion_tokens = 5}});
  EXPECT_EQ(Read().cheapest_targets, std::vector<std::string>{"big"});
}

TEST_F(LedgerAccountsTest, SoundIsReservedByItsBytesAndSettledByItsSeconds) {
  LedgerRules rules = Rules();
  rules.budgets = {Hard(1000)};
  rules.targets["ears"].price = std::make_shared<const ledger::Price>(
      ledger::Price{.target = "ears", .currency = "USD", .per_minute = 60, .version = "v"});
  accounts_->Use(rules);
  Spending spending = Ask(Cloud("ears"));
  spending.features.task = routing::Task::kTranscribe;
  chat::TranscribeRequest request;
  request.said.parts = {{.kind = chat::Part::Kind::kAudio, .data = std::string(640 * 90, 'x')}};
  spending.extent = ExtentOf(request);
  auto account = Open(spending).value();
  EXPECT_EQ(accounts_->Budgets()[0].seen.reserved, 91);
  EXPECT_EQ(account->Settle({.reported = {.sound_s = 7}}).cost, 7);
  EXPECT_EQ(accounts_->Budgets()[0].seen.spent, 7);
  // Whoever does not say how long it was has what was put aside for it.
  EXPECT_EQ(Open(spending).value()->Settle({}).cost, 91);
  spending.extent.sound_s_max = 2000;
  EXPECT_EQ(Open(spending).error().reason, "budget_exhausted");
  EXPECT_EQ(Read().total.sound_s, 7);
}

TEST_F(LedgerAccountsTest, SoundWhoseSecondsNobodyToldIsUnpriced) {
  LedgerRules rules = Rules();
  rules.targets["ears"].price = std::make_shared<const ledger::Price>(
      ledger::Price{.target = "ears", .currency = "USD", .per_minute = 60, .version = "v"});
  accounts_->Use(rules);
  Spending spending = Ask(Cloud("ears"));
  spending.extent.sound_s_max = 90;
  EXPECT_EQ(Open(spending).value()->Settle({}).cost, std::nullopt);
  EXPECT_EQ(Read().total.unpriced, 1);
}

TEST_F(LedgerAccountsTest, BudgetsAreListedWithWhatIsInThem) {
  LedgerRules rules = Rules();
  rules.budgets = {Hard(1000)};
  accounts_->Use(rules);
  auto account = Open(Ask(Cloud("big"))).value();
  auto states = accounts_->Budgets();
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].seen.reserved, 90);
  account->Settle({.reported = {.prompt_tokens = 1, .completion_tokens = 1}});
  EXPECT_EQ(accounts_->Budgets()[0].seen.spent, 11);
  EXPECT_EQ(accounts_->Budgets()[0].seen.reserved, 0);
}

TEST_F(LedgerAccountsTest, BudgetsOfKeysAreListedPreparedAndBounded) {
  std::vector<chat::Principal> all;
  for (size_t i = 0; i < LedgerAccounts::kKeyBudgetsMax + 5; ++i) {
    all.push_back({.key_id = fmt::format("key_{}", i),
                   .grant = std::make_shared<const chat::Grant>(
                       chat::Grant{.budget = chat::KeyBudget{1000, "USD", "day"}})});
  }
  std::vector<std::pair<size_t, std::string>> asked;
  accounts_->ShowKeys([&](size_t most, std::string_view key_id) {
    asked.emplace_back(most, key_id);
    std::vector<chat::Principal> listed;
    for (const chat::Principal& one : all) {
      if (listed.size() < most && (key_id.empty() || one.key_id == key_id)) listed.push_back(one);
    }
    return listed;
  });
  accounts_->Use(Rules());
  EXPECT_EQ(accounts_->Budgets().size(), LedgerAccounts::kKeyBudgetsMax);
  Spending spending = Ask(Cloud("big"));
  spending.principal = all.front();
  Open(spending).value()->Settle({.reported = {.prompt_tokens = 1, .completion_tokens = 1}});
  EXPECT_EQ(accounts_->Budgets()[0].budget.name, "key/key_0");
  EXPECT_EQ(accounts_->Budgets()[0].seen.spent, 11);
  // Beyond the bound a key's budget has to be asked for by its name.
  const std::string last = "key/" + all.back().key_id;
  asked.clear();
  EXPECT_TRUE(accounts_->Budgets("team").empty());
  EXPECT_TRUE(asked.empty()) << "it is no key's";
  accounts_->Prepare(last);
  ASSERT_TRUE(RunForTest(loop_, ledger_->Flush()));
  const auto named = accounts_->Budgets(last);
  ASSERT_EQ(named.size(), 1u);
  EXPECT_TRUE(named[0].seen.known);
  EXPECT_EQ(named[0].seen.ceiling, 0) << "after a crash nothing of an idle key counts as spent";
  EXPECT_TRUE(named[0].budget.hard);
}

}  // namespace
}  // namespace weir::gateway
