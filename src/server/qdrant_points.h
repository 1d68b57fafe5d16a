// What Qdrant's API does with points: everything below /collections/NAME/points. Runs on the pool.
#pragma once

#include <string>

#include "base/result.h"
#include "server/vector_calls.h"
#include "vectors/store.h"

namespace weir::server {

// The text of `result`; kNotFound, reason unknown_route, where there is nothing at the path.
// `path`: behind "points".
Result<std::string> AnswerQdrantPoints(const Shelf& shelf, const std::string& collection,
                                       std::span<const std::string> path,
                                       const VectorRequest& request);
Result<std::string> AnswerQdrantFacet(const Shelf& shelf, const std::string& collection,
                                      const VectorRequest& request);

}  // namespace weir::server
