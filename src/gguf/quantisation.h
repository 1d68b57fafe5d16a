// What the weights of a model file can be turned into without an importance matrix.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weir::gguf {

// By size, the largest first: "F32", "F16", "BF16", "Q8_0", ... "TQ1_0".
std::span<const std::string_view> Quantisations();

// general.file_type of one of them, in any case; "Q4_K" means Q4_K_M and "FP16" F16, as people
// write. Nothing for a name that is not among them.
std::optional<uint32_t> QuantisationNumber(std::string_view name);

// Whether the weights are whole numbers with scales already, so that turning them into another
// type loses from what has lost before. `name` as Info::quantisation has it.
bool IsQuantised(std::string_view name);

}  // namespace weir::gguf
