// Accounts for tests: every token costs a pico, a purse that can be empty, and a list of what was
// opened and how it was settled.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gateway/accounts.h"

namespace weir::gateway {

class FakeAccounts final : public Accounts {
 public:
  std::vector<Spending> opened = {};
  std::vector<std::pair<std::string, Outcome>> settled = {};  // with the target's name
  int unsettled = 0;                                          // that never began
  std::map<std::string, Error> refusals = {};                 // by target
  routing::MoneyToday today = {};

  Task<Result<std::unique_ptr<Account>>> Open(Spending spending) override {
    if (const auto refusal = refusals.find(spending.target.name); refusal != refusals.end()) {
      co_return Fail(refusal->second);
    }
    opened.push_back(spending);
    co_return std::make_unique<Opened>(*this, spending.target.name);
  }
  routing::MoneyToday Today(const routing::Decision&, const Extent&) const override {
    return today;
  }

 private:
  class Opened final : public Account {
   public:
    Opened(FakeAccounts& accounts, std::string target)
        : accounts_(accounts), target_(std::move(target)) {}
    ~Opened() override { accounts_.unsettled += settled_ ? 0 : 1; }
    Booked Settle(const Outcome& outcome) override {
      settled_ = true;
      accounts_.settled.emplace_back(target_, outcome);
      const chat::Usage& usage = outcome.reported;
      if (!usage.prompt_tokens) return {.currency = "USD"};
      return {.cost = *usage.prompt_tokens + usage.completion_tokens.value_or(0),
              .currency = "USD"};
    }

   private:
    FakeAccounts& accounts_;
    std::string target_;
    bool settled_ = false;
  };
};

}  // namespace weir::gateway
