// Passages of an answer's JSON as people read them.
#pragma once

#include <string>

#include "json/value.h"

namespace weir::cli {

// "[1] papers/tides.md, lines 10-24 (Tides > Spring)".
std::string SourceLine(const json::Value& passage);

}  // namespace weir::cli
