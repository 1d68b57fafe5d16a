// The accounts of the real server: prices attempts, holds them to budgets, and books them in the
// ledger. What a local answer would have cost elsewhere and the energy it took are worked out here,
// because the figures they need are known here.
//
// I/O thread only. The Ledger outlives it, and it outlives the accounts that it opened.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "gateway/accounts.h"
#include "ledger/budget.h"
#include "ledger/entry.h"
#include "ledger/ledger.h"
#include "ledger/price.h"

namespace weir::gateway {

// What is known of a target's money.
struct TargetMoney {
  std::shared_ptr<const ledger::Price> price = {};  // null: unpriced
  std::optional<int64_t> context_tokens = {};
  std::optional<int64_t> max_output_tokens = {};
};

// Replaced as a whole with the configuration. An attempt keeps what it began with.
struct LedgerRules {
  std::map<std::string, TargetMoney, std::less<>> targets = {};
  // Priced targets in the cloud, in the order of the configuration: what local answers are compared
  // with.
  std::vector<routing::Target> elsewhere = {};
  std::vector<ledger::Budget> budgets = {};
  // By route: the money a day that its goal allows in the cloud, as a hard budget.
  std::map<std::string, ledger::Budget, std::less<>> goals = {};
  int64_t watts = 0;  // of this machine while it computes; 0: not known
};

class LedgerAccounts final : public Accounts {
 public:
  // Tokens of an answer that neither the request nor the configuration bounds.
  static constexpr int64_t kAnswerTokensUnknown = 131'072;

  LedgerAccounts(ledger::Ledger& ledger, const Clock& clock)
      : ledger_(ledger), clock_(clock), rules_(std::make_shared<LedgerRules>()) {}

  // The budgets of the first keys that `list` lists, or of the key that is named, are prepared and
  // shown beside those of the configuration; requests are held to their own key's in any case.
  // Before Use.
  static constexpr size_t kKeyBudgetsMax = 1000;
  using KeysWithBudget =
      std::function<std::vector<chat::Principal>(size_t most, std::string_view key_id)>;
  void ShowKeys(KeysWithBudget list) { keys_with_budget_ = std::move(list); }

  void Use(LedgerRules rules);
  const LedgerRules& rules() const { return *rules_; }
  ledger::Ledger& ledger() { return ledger_; }

  // Tokens of an answer that are expected where the request allows more.
  static constexpr int64_t kAnswerTokensExpected = 512;

  Task<Result<std::unique_ptr<Account>>> Open(Spending spending) override;
  routing::MoneyToday Today(const routing::Decision& decision, const Extent& extent) const override;
  routing::TokenPrices PricesOf(const routing::Target& target) const override;
  // Every minute: purses of the present and of what comes next are made ready.
  void Tick() { Prepare({}); }
  // The same for one budget; "" is all of them.
  void Prepare(std::string_view name);

  // A budget in its present period; goals of routes are among them, as "route/NAME", and budgets of
  // keys, as "key/ID".
  struct BudgetState {
    ledger::Budget budget = {};
    ledger::Window window = ledger::Window::kDay;
    ledger::Pico limit = 0;
    ledger::Purses::Seen seen = {};
    std::optional<WallTime> ends = {};
  };
  // The one of that name; "" is all, and of keys' budgets the kKeyBudgetsMax oldest.
  std::vector<BudgetState> Budgets(std::string_view name = {}) const;

  struct Spend {
    ledger::Total cost = {};
    int64_t entries = 0;
    int64_t unpriced = 0;
  };
  // Since the start, by target and currency; at most as many as there are targets.
  const std::map<std::pair<std::string, std::string>, Spend>& spends() const { return spends_; }

 private:
  class Opened;
  struct Held {
    std::vector<ledger::Claim> claims = {};
    ledger::Pico reserved = 0;
    bool refuses = false;
  };

  Task<Result<Held>> Hold(const Spending& spending, const LedgerRules& rules);
  std::vector<ledger::Budget> AllBudgets(std::string_view name) const;
  Booked Settle(const Opened& account, const Outcome& outcome);
  void Baselines(const Opened& account, ledger::Entry& entry) const;
  void WarnOfSoft(std::span<const ledger::Claim> claims);

  // Time on this machine, shared equally among the answers that run.
  struct Share {
    MonotonicTime last{};
    double seconds = 0;  // of one of them, since the start
    int running = 0;
  };
  void MoveShare(int by);

  ledger::Ledger& ledger_;
  const Clock& clock_;
  std::shared_ptr<const LedgerRules> rules_;
  KeysWithBudget keys_with_budget_ = [](size_t, std::string_view) {
    return std::vector<chat::Principal>();
  };
  Share share_ = {};
  int32_t opened_ = 0;
  std::map<std::pair<std::string, std::string>, Spend> spends_ = {};
  std::set<ledger::PurseId> warned_ = {};
};

}  // namespace weir::gateway
