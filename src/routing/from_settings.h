// The parts of a policy that come from the configuration alone, for the gateway (which adds the
// models of the store) and for `weir policy check`. The one place of this folder that knows
// config::Settings.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "routing/draft_check.h"
#include "routing/policy_check.h"
#include "routing/prediction.h"
#include "routing/router.h"

namespace weir::routing {

Tier TierOf(config::Tier tier);
Rule RuleOf(const config::Rule& rule);
std::vector<LabelFloor> FloorsOf(const config::Settings& settings);

// A target and its backend. Both live as long as the settings, but for targets that only a route or
// a rule names as BACKEND/MODEL: those are made up, and nothing is declared of them.
struct Declared {
  const config::Backend* backend = nullptr;
  config::Target target = {};
};
std::vector<Declared> DeclaredTargets(const config::Settings& settings);
Target TargetOf(const Declared& declared);
VirtualModel VirtualOf(const config::Route& route);

// Everything but the models of this machine.
Energy EnergyOf(const config::Settings& settings);
Policy PolicyOf(const config::Settings& settings);
// The prediction that the setting `prediction` means. One whose file is not right (its weights do
// not have its hash, or it cannot be read) is refused: the length of the prompt takes its place,
// and `note` says so.
struct ChosenPredictor {
  Predictor predictor;
  std::string note = {};
};
ChosenPredictor PredictorOf(const config::Settings& settings);

// The calibrations that the setting `calibration` adds, before those that are built in. An error
// names the file, and what is wrong in it.
Result<DraftCheck> DraftCheckOf(const config::Settings& settings);

// Settings that are read and change nothing yet, one line each: who writes one counts on it, so it
// is said at the start, by weir doctor and by the checks.
std::vector<std::string> WithoutEffect(const config::Settings& settings);
// What is wrong with it, one line each; empty when it is good.
std::vector<std::string> PolicyProblems(const config::Settings& settings);

}  // namespace weir::routing
