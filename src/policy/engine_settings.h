// How the engine of a local model runs it: what the model's manifest wants, what was measured on
// this machine, and what the configuration says, the strongest last. The gateway loads by it, and
// `weir show` tells by it whether the model fits. Reads rates.json and the model's manifest; any
// thread.
#pragma once

#include <cstdint>
#include <string>

#include "config/settings.h"
#include "models/store.h"
#include "process/probe.h"
#include "wire/engine.h"

namespace weir::policy {

// `opened` is what `model` (its full name, or that of a [model]) means.
wire::EngineSettings EngineSettingsOf(const config::Settings& settings, const models::Store& store,
                                      const std::string& model, const models::OpenedModel& opened);

// What all loaded models may take together.
struct MemoryBudget {
  uint64_t bytes = 0;
  bool is_default = false;  // nobody chose it: a share of the machine
};
MemoryBudget MemoryBudgetOf(const config::Settings& settings, const Machine& machine);

// The [model] of that name; nullptr when there is none.
const config::Model* ModelSettingsOf(const config::Settings& settings, const std::string& model);

}  // namespace weir::policy
