// A policy's version: equal for policies that decide alike because nothing in them differs, kept
// with every decision so that two of them can be told to be of the same policy. Pure.
#pragma once

#include <string>

#include "routing/router.h"

namespace weir::routing {

// 16 hexadecimal digits, over every field of every target, virtual model and rule, in their order.
std::string HashOf(const Policy& policy);

}  // namespace weir::routing
