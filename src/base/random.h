// Randomness from the kernel, for keys, salts and ids that nobody may guess. Not for sampling or
// tests: those take a seed.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace weir {

// Fills `out`; ends the process if the kernel has no randomness to give. Any thread.
void FillRandom(std::span<std::byte> out);

// `prefix` and 24 random characters of [0-9A-Za-z]: 142 bits ("chatcmpl-3kT...").
std::string NewId(std::string_view prefix);
// As NewId, but its first 8 characters are the time in milliseconds and 16 are random (95 bits):
// ids of later milliseconds sort behind, so an index of them grows at its end.
std::string NewSortedId(std::string_view prefix, WallTime time);

}  // namespace weir
