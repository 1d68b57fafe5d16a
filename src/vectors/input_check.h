// Refuses what the database cannot take, by name and limit, before anything is written. Pure.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "vectors/types.h"

namespace weir::vectors {

Result<void> CheckSpec(const CollectionSpec& spec);
Result<void> CheckCollectionName(std::string_view name);
Result<void> CheckAbout(const json::Value& about);
Result<void> CheckNote(const Note& note);
// Of a collection that would have more points than it may.
std::unexpected<Error> Full(size_t points_most);
Result<void> CheckPoints(std::span<const Space> spaces, std::span<const Point> points);
Result<void> CheckIds(std::span<const std::string> ids);
Result<void> CheckQuery(std::span<const Space> spaces, const Query& query);
Result<void> CheckScroll(std::span<const Space> spaces, const ScrollQuery& query);
Result<void> CheckOrder(std::span<const Space> spaces, const OrderQuery& query);
Result<void> CheckFacet(std::span<const Space> spaces, const FacetQuery& query);
Result<void> CheckFilter(std::span<const Space> spaces, const Filter& filter);

// The number of the space with that name; an empty name means the only one.
Result<size_t> FindSpace(std::span<const Space> spaces, std::string_view name);

}  // namespace weir::vectors
