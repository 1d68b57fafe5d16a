// Words that say what a number near them is, in the languages of the countries that give it. A
// table; pure.
#pragma once

#include <span>
#include <string_view>

#include "privacy/entity_types.h"

namespace weir::privacy {

struct ContextRule {
  Types types = {};
  std::string_view words = {};  // folded, lower case, with commas between them
};

std::span<const ContextRule> ContextRules();

}  // namespace weir::privacy
