// data/prediction.json as it travels inside the program.
#pragma once

#include <string_view>

namespace weir::routing {
extern const std::string_view kPredictionJson;
}  // namespace weir::routing
