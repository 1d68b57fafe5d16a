// Words for the bits of chat::Scope: "inference", "models", "keys", "admin".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "chat/principal.h"

namespace weir::keys {

// "inference,models"; no scopes is "".
std::string ScopeNames(uint32_t scopes);
// Of a comma-separated list; "all" is every scope. An unknown word is kInvalidArgument with param
// "scopes".
Result<uint32_t> ParseScopes(std::string_view names);
// kForbidden with reason "scope_missing" unless the principal has it.
Result<void> RequireScope(const chat::Principal& principal, chat::Scope scope);

}  // namespace weir::keys
