// Budgets and prices as the configuration has them, and what is odd about the two together.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "ledger/budget.h"
#include "ledger/price_list.h"

namespace weir::ledger {

std::vector<Budget> BudgetsOf(const config::Settings& settings);
// By route: what the goal cost_per_day_max allows in the cloud, as a hard budget "route/NAME".
std::map<std::string, Budget, std::less<>> GoalsOf(const config::Settings& settings);

// The list that the setting `prices` means. An Error names the file and what is wrong with it.
Result<PriceList> PricesOf(const config::Settings& settings);

// What works, but not as somebody may think, one line each: a hard budget and targets whose price
// nobody knows or has in another currency.
std::vector<std::string> MoneyNotes(const config::Settings& settings, const PriceList& prices);

}  // namespace weir::ledger
