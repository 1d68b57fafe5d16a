// What the ledger has to know of the configuration: prices and limits of targets, budgets, and this
// machine's wattage.
#pragma once

#include "config/settings.h"
#include "gateway/ledger_accounts.h"
#include "ledger/price_list.h"

namespace weir::app {

gateway::LedgerRules LedgerRulesOf(const config::Settings& settings,
                                   const ledger::PriceList& prices);

}  // namespace weir::app
