#include "gateway/ledger_accounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log.h"

namespace weir::gateway {
namespace {

constexpr size_t kWarnedMax = 1024;
constexpr std::string_view kOfKey = "key/";  // names of budgets begin so (ledger::OwnBudget)

bool IsPriced(const TargetMoney& money) { return money.price != nullptr; }

const TargetMoney& MoneyOf(const LedgerRules& rules, const std::string& target) {
  static const TargetMoney kUnknown;
  const auto found = rules.targets.find(target);
  return found == rules.targets.end() ? kUnknown : found->second;
}

// The longest answer that the target may give to the request.
int64_t AnswerTokensMax(const Extent& extent, const TargetMoney& money) {
  const int64_t of_target = money.max_output_tokens.value_or(
      money.context_tokens.value_or(LedgerAccounts::kAnswerTokensUnknown));
  return extent.answer_tokens_max.value_or(of_target);
}

Error NeedsPrice(const routing::Target& target, std::string_view currency) {
  return {Code::kForbidden,
          currency.empty()
              ? fmt::format("a hard budget covers this request, and target '{}' has no price; give "
                            "it one in the configuration",
                            target.name)
              : fmt::format("a hard budget covers this request, and none of them is in {}, the "
                            "currency of target '{}'",
                            currency, target.name),
          "", "budget_needs_price"};
}

bool Covers(const routing::Target& target, const TargetMoney& money, const routing::Features& needs,
            const chat::Usage& usage) {
  const int64_t tokens = usage.prompt_tokens.value_or(0) + usage.completion_tokens.value_or(0);
  const bool hears = needs.task == routing::Task::kTranscribe ? target.transcribes : target.audio;
  return (!needs.images || target.vision) && (!needs.audio || hears) &&
         (!needs.tools || target.tools) && (!needs.json_schema || target.json_schema) &&
         (!needs.reasoning || target.reasoning) &&
         (!money.context_tokens || tokens <= *money.context_tokens) &&
         (needs.task != routing::Task::kEmbed || target.embeds) &&
         (needs.task != routing::Task::kScore || target.scores) &&
         (needs.task != routing::Task::kRank || target.ranks || target.embeds);
}

// Which of two prices is higher for a usual request: three tokens in for one out.
ledger::Pico Weight(const ledger::Price& price) {
  return ledger::Add(ledger::Times(price.input.value_or(0), 3), price.output.value_or(0));
}

ledger::Status StatusOf(Outcome::Status status) {
  switch (status) {
    case Outcome::Status::kServed:
      return ledger::Status::kServed;
    case Outcome::Status::kCancelled:
      return ledger::Status::kCancelled;
    case Outcome::Status::kFailed:
      return ledger::Status::kFailed;
  }
  return ledger::Status::kFailed;
}

struct Tokens {
  chat::Usage usage = {};
  ledger::CountedBy by = ledger::CountedBy::kNobody;
};

// Who was asked knows best what it counted, but of an answer that broke or was left it has not said
// everything: there the larger count is taken. A count of zero is a count.
Tokens TokensOf(const Outcome& outcome) {
  if (!outcome.may_have_cost) return {};
  Tokens tokens{outcome.reported, ledger::CountedBy::kTarget};
  const bool whole = outcome.status == Outcome::Status::kServed;
  const auto fill = [&](std::optional<int64_t>& count, const std::optional<int64_t>& own,
                        bool take_larger) {
    if (!own || (count && (!take_larger || *count >= *own))) return;
    count = own;
    tokens.by = ledger::CountedBy::kEstimate;
  };
  fill(tokens.usage.prompt_tokens, outcome.counted.prompt_tokens, false);
  fill(tokens.usage.completion_tokens, outcome.counted.completion_tokens, !whole);
  if (!tokens.usage.prompt_tokens && !tokens.usage.completion_tokens && !tokens.usage.sound_s) {
    tokens.by = ledger::CountedBy::kNobody;
  }
  return tokens;
}

}  // namespace

class LedgerAccounts::Opened final : public Account {
 public:
  Opened(LedgerAccounts& books, Spending what, std::shared_ptr<const LedgerRules> by,
         LedgerAccounts::Held money, int32_t attempt)
      : accounts(books),
        spending(std::move(what)),
        rules(std::move(by)),
        held(std::move(money)),
        number(attempt),
        begun(books.clock_.Now()) {
    if (!spending.target.beyond) accounts.MoveShare(+1);
    share_begun = accounts.share_.seconds;
  }
  ~Opened() override {
    if (!settled) Settle({.status = Outcome::Status::kCancelled, .may_have_cost = false});
  }
  Booked Settle(const Outcome& outcome) override {
    settled = true;
    if (!spending.target.beyond) accounts.MoveShare(-1);
    return accounts.Settle(*this, outcome);
  }

  LedgerAccounts& accounts;
  Spending spending;
  std::shared_ptr<const LedgerRules> rules;
  LedgerAccounts::Held held;
  int32_t number;
  MonotonicTime begun;
  double share_begun = 0;
  bool settled = false;
};

void LedgerAccounts::Use(LedgerRules rules) {
  rules_ = std::make_shared<const LedgerRules>(std::move(rules));
  Tick();
}

void LedgerAccounts::MoveShare(int by) {
  const MonotonicTime now = clock_.Now();
  if (share_.running > 0) {
    share_.seconds += Milliseconds(now - share_.last) / 1000 / share_.running;
  }
  share_.last = now;
  share_.running += by;
}

std::vector<ledger::Budget> LedgerAccounts::AllBudgets(std::string_view name) const {
  std::vector<ledger::Budget> all;
  const auto add = [&](const ledger::Budget& budget) {
    if (name.empty() || budget.name == name) all.push_back(budget);
  };
  for (const ledger::Budget& budget : rules_->budgets) add(budget);
  for (const auto& [route, budget] : rules_->goals) add(budget);
  if (!name.empty() && !name.starts_with(kOfKey)) return all;
  const auto key = name.empty() ? name : name.substr(kOfKey.size());
  for (const chat::Principal& principal : keys_with_budget_(kKeyBudgetsMax, key)) {
    if (const auto own = ledger::OwnBudget(principal)) add(*own);
  }
  return all;
}

// Those of keys are only looked at: a lease counts as spent after a crash, and many keys are idle.
void LedgerAccounts::Prepare(std::string_view name) {
  std::vector<ledger::Budget> budgets = AllBudgets(name);
  for (ledger::Budget& budget : budgets) {
    if (budget.name.starts_with(kOfKey)) budget.hard = false;
  }
  ledger_.Tick(budgets);
}

routing::MoneyToday LedgerAccounts::Today(const routing::Decision& decision,
                                          const Extent& extent) const {
  routing::MoneyToday today{.now = clock_.WallNow()};
  const auto goal = rules_->goals.find(decision.asked);
  if (goal == rules_->goals.end()) return today;
  for (const ledger::Claim& claim : ledger::ClaimsOf(goal->second, today.now)) {
    const auto seen = ledger_.purses().Find(claim.purse);
    if (!seen) continue;
    today.gone = ledger::Add(ledger::Add(seen->spent, seen->held), seen->reserved);
  }
  const auto cloud =
      std::ranges::find(decision.eligible, routing::Tier::kCloud, &routing::Target::tier);
  if (cloud == decision.eligible.end()) return today;
  const TargetMoney& money = MoneyOf(*rules_, cloud->name);
  if (!IsPriced(money) || money.price->currency != goal->second.currency) return today;
  const int64_t answer = AnswerTokensMax(extent, money);
  today.most = ledger::MostOf(*money.price, extent.prompt_tokens_max, answer, extent.sound_s_max);
  today.expected = ledger::CostOf(
      *money.price, {.prompt_tokens = extent.prompt_tokens + TokensOfBytes(extent.prompt_bytes),
                     .completion_tokens = std::min(answer, kAnswerTokensExpected)});
  return today;
}

routing::TokenPrices LedgerAccounts::PricesOf(const routing::Target& target) const {
  const TargetMoney& money = MoneyOf(*rules_, target.name);
  if (!IsPriced(money)) return {};
  return {money.price->input, money.price->cached_input, money.price->output,
          money.price->currency};
}

Task<Result<LedgerAccounts::Held>> LedgerAccounts::Hold(const Spending& spending,
                                                        const LedgerRules& rules) {
  const routing::Target& target = spending.target;
  const TargetMoney& money = MoneyOf(rules, target.name);
  const std::string currency = IsPriced(money) ? money.price->currency : "";
  ledger::Cover cover =
      ledger::CoverOf(rules.budgets, spending.principal, currency, clock_.WallNow());
  const auto goal = rules.goals.find(spending.asked);
  if (goal != rules.goals.end() && target.tier == routing::Tier::kCloud) {
    if (IsPriced(money) && goal->second.currency != currency) {
      co_return Fail(NeedsPrice(target, currency));
    }
    cover.any_hard = true;
    cover.hard_in_currency = true;
    std::ranges::move(ledger::ClaimsOf(goal->second, clock_.WallNow()),
                      std::back_inserter(cover.claims));
  }
  const auto most =
      IsPriced(money)
          ? ledger::MostOf(*money.price, spending.extent.prompt_tokens_max,
                           AnswerTokensMax(spending.extent, money), spending.extent.sound_s_max)
          : std::nullopt;
  // Nobody can hold a budget without knowing prices. What the organisation runs itself is not
  // counted in money unless it has a price.
  if (cover.any_hard && !most && (IsPriced(money) || target.tier == routing::Tier::kCloud)) {
    co_return Fail(NeedsPrice(target, ""));
  }
  Held held{.claims = cover.claims, .reserved = most.value_or(0)};
  if (held.reserved == 0) co_return held;
  if (cover.any_hard && !cover.hard_in_currency) co_return Fail(NeedsPrice(target, currency));
  if (auto reserved = co_await ledger_.Reserve(held.claims, held.reserved); !reserved) {
    Error error = std::move(reserved.error());
    const bool refuses = std::ranges::any_of(rules.budgets, [&](const ledger::Budget& budget) {
      return budget.hard && budget.refuses && budget.currency == currency &&
             ledger::Covers(budget, spending.principal);
    });
    if (error.reason == "budget_exhausted" && refuses) error.reason = "budget_refuses";
    co_return Fail(std::move(error));
  }
  co_return held;
}

Task<Result<std::unique_ptr<Account>>> LedgerAccounts::Open(Spending spending) {
  const auto rules = rules_;
  auto held = co_await Hold(spending, *rules);
  if (!held) co_return std::unexpected(held.error());
  co_return std::make_unique<Opened>(*this, std::move(spending), rules, std::move(*held),
                                     ++opened_);
}

Booked LedgerAccounts::Settle(const Opened& account, const Outcome& outcome) {
  const Spending& spending = account.spending;
  const routing::Target& target = spending.target;
  const TargetMoney& money = MoneyOf(*account.rules, target.name);
  const Duration took = clock_.Now() - account.begun;
  const Tokens tokens = TokensOf(outcome);
  ledger::Entry entry{
      .time = clock_.WallNow(),
      .decision = spending.decision_id,
      .attempt = account.number,
      .key = spending.principal.key_id,
      .key_name = spending.principal.key_name,
      .tenant = spending.principal.tenant,
      .project = spending.principal.project,
      .user = spending.principal.user,
      .asked = spending.asked,
      .target = target.name,
      .model = target.model,
      .tier = std::string(routing::TierName(target.tier)),
      .task = std::string(routing::TaskName(spending.features.task)),
      .label = std::string(chat::LabelName(spending.features.label)),
      .status = StatusOf(outcome.status),
      .reason = outcome.reason,
      .usage = tokens.usage,
      .counted_by = tokens.by,
      .own = outcome.counted,
      .price = money.price,
      .took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
      .local = target.tier != routing::Tier::kCloud};
  // Electricity is not a provider's bill: see energy.
  const bool free = !money.price && !target.beyond;
  if (free || !outcome.may_have_cost) {
    entry.cost = 0;
  } else if (money.price) {
    entry.cost = ledger::CostOf(*money.price, tokens.usage);
    // Not to know what it cost is no way around a budget.
    if (!entry.cost && account.held.reserved > 0 && !account.held.claims.empty())
      entry.cost = account.held.reserved;
  }
  if (!target.beyond && account.rules->watts > 0 && outcome.computed > Duration::zero()) {
    const double whole = Milliseconds(took) / 1000;
    const double part = share_.seconds - account.share_begun;
    const double shared = whole > 0 ? std::clamp(part / whole, 0.0, 1.0) : 1.0;
    entry.energy_mj = static_cast<int64_t>(Milliseconds(outcome.computed) * shared *
                                           static_cast<double>(account.rules->watts));
  }
  if (entry.local && entry.status == ledger::Status::kServed) Baselines(account, entry);
  Booked booked{.cost = money.price ? entry.cost : std::nullopt,
                .currency = money.price ? money.price->currency : ""};
  Spend& spend = spends_[{target.name, booked.currency}];
  ++spend.entries;
  spend.cost.Add(entry.cost.value_or(0));
  spend.unpriced += entry.cost ? 0 : 1;
  ledger_.Book(std::move(entry), account.held.claims, account.held.reserved);
  WarnOfSoft(account.held.claims);
  return booked;
}

void LedgerAccounts::Baselines(const Opened& account, ledger::Entry& entry) const {
  const LedgerRules& rules = *account.rules;
  // Of the first that has a cost: amounts in others cannot be compared.
  const std::string* currency = nullptr;
  ledger::Pico heaviest = -1;
  for (const routing::Target& target : rules.elsewhere) {
    const TargetMoney& money = MoneyOf(rules, target.name);
    if (!money.price || (currency != nullptr && *currency != money.price->currency)) continue;
    const auto cost = ledger::CostOf(*money.price, entry.usage);
    if (!cost) continue;
    currency = &money.price->currency;
    const ledger::Pico weight = entry.usage.sound_s ? *cost : Weight(*money.price);
    if (weight > heaviest) {
      heaviest = weight;
      entry.strong = {money.price, *cost};
    }
    if (!Covers(target, money, account.spending.features, entry.usage)) continue;
    if (!entry.cheapest.price || *cost < entry.cheapest.cost) entry.cheapest = {money.price, *cost};
  }
}

void LedgerAccounts::WarnOfSoft(std::span<const ledger::Claim> claims) {
  for (const ledger::Claim& claim : claims) {
    if (claim.hard) continue;
    const auto seen = ledger_.purses().Find(claim.purse);
    if (!seen || seen->spent <= claim.limit) continue;
    if (warned_.size() >= kWarnedMax) warned_.clear();
    if (!warned_.insert(claim.purse).second) continue;
    LogWarning("budget '{}' (per {}): {} spent of {}; it is soft, so nothing is refused",
               claim.purse.budget, ledger::WindowName(claim.purse.window),
               ledger::MoneyText(seen->spent), ledger::MoneyText(claim.limit));
  }
}

std::vector<LedgerAccounts::BudgetState> LedgerAccounts::Budgets(std::string_view name) const {
  std::vector<BudgetState> states;
  for (const ledger::Budget& budget : AllBudgets(name)) {
    for (const auto& [window, limit] : budget.limits) {
      const ledger::PurseId id{budget.name, window, ledger::PeriodOf(window, clock_.WallNow())};
      states.push_back(
          {.budget = budget,
           .window = window,
           .limit = limit,
           .seen = ledger_.purses().Find(id).value_or(ledger::Purses::Seen{.purse = id}),
           .ends = ledger::EndOf(window, id.period)});
    }
  }
  return states;
}

}  // namespace weir::gateway
