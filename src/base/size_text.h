// Sizes for people.
#pragma once

#include <cstdint>
#include <string>

namespace weir {

std::string SizeText(uint64_t bytes);  // "93.8 MiB"

}  // namespace weir
