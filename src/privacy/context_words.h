// Words that say what a number near them is, in the languages of the countries that give it. A
// table; pure.
#pragma once

#include <span>
#include <string_view>

#include "privacy/entity_types.h"

namespace weir::privacy {

struct ContextRule {
  Types types = {};
  // With commas between them; in lower case, other scripts than Latin in each case that is written.
  std::string_view words = {};
};

std::span<const ContextRule> ContextRules();

}  // namespace weir::privacy
