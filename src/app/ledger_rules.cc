#include "app/ledger_rules.h"

#include <memory>

#include "ledger/from_settings.h"
#include "routing/from_settings.h"

namespace weir::app {

gateway::LedgerRules LedgerRulesOf(const config::Settings& settings,
                                   const ledger::PriceList& prices) {
  gateway::LedgerRules rules{.budgets = ledger::BudgetsOf(settings),
                             .goals = ledger::GoalsOf(settings),
                             .watts = *settings.engine.watts};
  for (const routing::Declared& declared : routing::DeclaredTargets(settings)) {
    gateway::TargetMoney money{.context_tokens = *declared.target.context,
                               .max_output_tokens = *declared.target.max_output};
    if (auto price = prices.Find(*declared.backend, declared.target)) {
      const bool complete = ledger::IsComplete(*price);
      money.price = std::make_shared<const ledger::Price>(std::move(*price));
      if (complete && *declared.backend->tier == config::Tier::kCloud) {
        rules.elsewhere.push_back(routing::TargetOf(declared));
      }
    }
    rules.targets[*declared.target.name] = std::move(money);
  }
  return rules;
}

}  // namespace weir::app
