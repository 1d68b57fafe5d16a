// What a manifest says about how its model wants to be run, as the engine takes it.
#pragma once

#include "models/manifest.h"
#include "wire/engine.h"

namespace weir::policy {

// The parameters were checked when the manifest was written; one that makes no sense is left out.
wire::ModelDefaults DefaultsOf(const models::Manifest& manifest);
// num_ctx, or 0.
int32_t ContextTokensOf(const models::Manifest& manifest);
// min_dimensions, or 0.
int32_t DimensionsMinOf(const models::Manifest& manifest);

}  // namespace weir::policy
