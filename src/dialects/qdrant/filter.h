// Qdrant's filters to ours. What ours cannot say is refused by name. Bounds: the depth is ours
// (vectors::Filter::kDepthMax), checked here so that no filter recurses deeper; counts are checked
// by the store.
#pragma once

#include <string>

#include "json/fields.h"
#include "json/value.h"
#include "vectors/filter.h"

namespace weir::qdrant {

vectors::Filter ReadFilter(json::Problem& problem, const json::Value& value,
                           const std::string& path);
// The field `key`; an empty filter where it is absent.
vectors::Filter ReadFilterField(json::Fields& fields, std::string_view key = "filter");

}  // namespace weir::qdrant
