// The vectors in Qdrant's requests: a list of numbers, a list of such lists (a multivector), or
// indices and values. Texts and pictures, which Qdrant would embed itself, are refused by name.
// Pure.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "json/fields.h"
#include "json/value.h"
#include "vectors/types.h"

namespace weir::qdrant {

using VectorValue = std::variant<std::vector<float>, vectors::SparseVector, vectors::MultiVector>;
VectorValue ReadVectorValue(json::Problem& problem, const json::Value& value,
                            const std::string& path);

// The vectors of one point, into it. A list is of the space without a name.
void ReadVectors(json::Problem& problem, const json::Value& value, const std::string& path,
                 vectors::Point& point);
// The vector of one space. The one without a name is not sparse.
void ReadVectorOf(json::Problem& problem, const json::Value& value, const std::string& path,
                  const std::string& space, vectors::Point& point);

// A list of numbers.
std::vector<float> ReadVector(json::Problem& problem, const json::Value& value,
                              const std::string& path);

}  // namespace weir::qdrant
