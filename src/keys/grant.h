// What a key is restricted to beyond its scopes: which models and routes it may ask for, which
// projects it may name, and money of its own. Checks, and the form in which the table keeps lists.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/principal.h"

namespace weir::keys {

inline constexpr size_t kPatternsMax = 64;       // of one list
inline constexpr size_t kPatternBytesMax = 128;  // of one of them

// kInvalidArgument with the field as param.
Result<void> CheckGrant(const chat::Grant& grant);

// `amount` is a decimal without a sign; `per` one of day, week, month, total ("" is total);
// `currency` three letters ("" is USD). kInvalidArgument with the field as param.
Result<chat::KeyBudget> MakeBudget(std::string_view amount, std::string_view per,
                                   std::string_view currency);

// Entries between commas, spaces around them dropped.
std::vector<std::string> SplitList(std::string_view text);
std::string JoinList(const std::vector<std::string>& list);

// kForbidden, reason project_not_allowed, unless the key may speak for `project`. A key with
// projects must name one.
Result<void> MayName(const chat::Principal& principal, std::string_view project);

}  // namespace weir::keys
