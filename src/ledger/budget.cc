#include "ledger/budget.h"

#include <algorithm>

#include "base/glob.h"

namespace weir::ledger {
namespace {

bool MatchesAny(const std::vector<std::string>& patterns, std::string_view name) {
  return patterns.empty() || std::ranges::any_of(patterns, [name](const std::string& pattern) {
           return MatchesGlob(pattern, name);
         });
}

}  // namespace

bool Covers(const Budget& budget, const chat::Principal& principal) {
  return MatchesAny(budget.keys, principal.key_name) &&
         MatchesAny(budget.projects, principal.project) &&
         MatchesAny(budget.tenants, principal.tenant) && MatchesAny(budget.users, principal.user);
}

std::optional<Budget> OwnBudget(const chat::Principal& principal) {
  if (!principal.grant || !principal.grant->budget) return std::nullopt;
  const chat::KeyBudget& own = *principal.grant->budget;
  return Budget{.name = "key/" + principal.key_id,
                .currency = own.currency,
                .hard = true,
                .limits = {{WindowFromName(own.window).value_or(Window::kTotal), own.pico}},
                .keys = {principal.key_name}};
}

std::vector<Claim> ClaimsOf(const Budget& budget, WallTime now) {
  std::vector<Claim> claims;
  for (const auto& [window, limit] : budget.limits) {
    claims.push_back({{budget.name, window, PeriodOf(window, now)}, limit, budget.hard});
  }
  return claims;
}

Cover CoverOf(std::span<const Budget> budgets, const chat::Principal& principal,
              std::string_view currency, WallTime now) {
  Cover cover;
  const auto add = [&](const Budget& budget) {
    cover.any_hard |= budget.hard;
    if (budget.currency != currency) return;
    cover.hard_in_currency |= budget.hard;
    std::ranges::move(ClaimsOf(budget, now), std::back_inserter(cover.claims));
  };
  for (const Budget& budget : budgets) {
    if (Covers(budget, principal)) add(budget);
  }
  if (const auto own = OwnBudget(principal)) add(*own);
  return cover;
}

}  // namespace weir::ledger
