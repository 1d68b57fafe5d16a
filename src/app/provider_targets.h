// Targets at backends beyond this machine, from the configuration: dialect, quirks, limits.
#pragma once

#include <string_view>
#include <vector>

#include "backends/provider_fleet.h"
#include "config/settings.h"
#include "gateway/gateway.h"

namespace weir::app {

// Null for what is not spoken outwards (engine), or has no models (images).
const chat::ProviderDialect* DialectOf(config::BackendKind kind);
wire::EgressTimeouts TimeoutsOf(const config::Backend& backend);
backends::ProviderTarget ProviderTargetOf(const config::Backend& backend,
                                          const config::Target& target);
// Where images may be fetched.
std::vector<gateway::ImageSource> ImageSourcesOf(const config::Settings& settings);

}  // namespace weir::app
