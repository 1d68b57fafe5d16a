// Randomness from the kernel, for keys, salts and ids that nobody may guess. Not for sampling or
// tests: those take a seed.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace weir {

// Fills `out`; ends the process if the kernel has no randomness to give. Any thread.
void FillRandom(std::span<std::byte> out);

// `prefix` and 24 random characters of [0-9A-Za-z]: 142 bits ("chatcmpl-3kT...").
std::string NewId(std::string_view prefix);

}  // namespace weir
