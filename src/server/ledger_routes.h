// What things cost: the ledger, the budgets, and their figures for Prometheus.
#pragma once

#include <string>

#include "async/task.h"
#include "gateway/ledger_accounts.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

// ?by=day&since=7d; with entries=N the last N entries instead of sums. A key without the admin
// scope sees its own.
Task<void> GetLedger(Site& site, Call& call);
Task<void> GetBudgets(Site& site, Call& call);
// POST .../NAME/release: what counts as spent since a crash is free again.
Task<void> PostBudget(Site& site, Call& call);

// Prometheus' text format 0.0.4.
std::string RenderLedger(gateway::LedgerAccounts& accounts);

}  // namespace weir::server
