// Models whose vectors may be cut to their first numbers (Matryoshka representation learning,
// Kusupati et al. 2022, arXiv:2205.13147). Of any other model the first half of a vector is not a
// smaller vector but noise, so `dimensions` is refused there. A file does not say it of itself, so
// the trained ones are known by name. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::engine {

// The fewest numbers that the model's makers name, by what the file says as general.architecture
// and general.name; 0 when the model is not known to be trained for it.
int32_t DimensionsMin(std::string_view architecture, std::string_view name);

}  // namespace weir::engine
