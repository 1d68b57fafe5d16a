#include "ledger/from_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/named_files.h"

namespace weir::ledger {

std::vector<Budget> BudgetsOf(const config::Settings& settings) {
  std::vector<Budget> budgets;
  for (const config::Budget& from : settings.budgets) {
    Budget budget{.name = from.name,
                  .currency = *from.currency,
                  .hard = *from.hard,
                  .refuses = *from.refuses,
                  .keys = *from.keys,
                  .projects = *from.projects,
                  .tenants = *from.tenants,
                  .users = *from.users};
    const auto add = [&budget](Window window, const config::Optional<int64_t>& limit) {
      if (*limit) budget.limits.emplace_back(window, **limit);
    };
    add(Window::kDay, from.per_day);
    add(Window::kWeek, from.per_week);
    add(Window::kMonth, from.per_month);
    add(Window::kTotal, from.total);
    budgets.push_back(std::move(budget));
  }
  return budgets;
}

std::map<std::string, Budget, std::less<>> GoalsOf(const config::Settings& settings) {
  std::map<std::string, Budget, std::less<>> goals;
  for (const config::Route& route : settings.routes) {
    const auto* goal = std::get_if<config::CostPerDayMax>(&*route.goal);
    if (goal == nullptr) continue;
    goals[route.name] = {.name = "route/" + route.name,
                         .currency = goal->currency,
                         .hard = true,
                         .limits = {{Window::kDay, goal->pico}}};
  }
  return goals;
}

Result<PriceList> PricesOf(const config::Settings& settings) {
  if (*settings.prices == config::kBuiltInPrices) return PriceList::BuiltIn();
  const auto text = config::TextOfNamed(settings, *settings.prices);
  if (!text) {
    return Fail(
        text.error().code,
        fmt::format("prices: the file {} is refused ({})", *settings.prices, text.error().message),
        "prices");
  }
  return PriceList::Parse(*text, *settings.prices);
}

std::vector<std::string> MoneyNotes(const config::Settings& settings, const PriceList& prices) {
  std::vector<std::string> notes;
  std::vector<std::string> currencies;  // of hard budgets
  for (const config::Budget& budget : settings.budgets) {
    if (*budget.hard) currencies.push_back(*budget.currency);
  }
  if (currencies.empty()) return notes;
  for (const config::Target& target : settings.targets) {
    const auto backend = std::ranges::find(settings.backends, *target.backend,
                                           [](const config::Backend& b) { return *b.name; });
    if (backend == settings.backends.end() || *backend->tier != config::Tier::kCloud) continue;
    const auto price = prices.Find(*backend, target);
    const auto where = fmt::format("{}:{}", settings.file, target.place.line);
    if (!price || !IsComplete(*price)) {
      notes.push_back(
          fmt::format("{}: target '{}' has no price: who is covered by a hard budget cannot use it",
                      where, *target.name));
    } else if (std::ranges::find(currencies, price->currency) == currencies.end()) {
      notes.push_back(
          fmt::format("{}: target '{}' is paid in {}, and no hard budget is in it: who "
                      "is covered by one cannot use it",
                      where, *target.name, price->currency));
    }
  }
  return notes;
}

}  // namespace weir::ledger
