#include "keys/scopes.h"

#include <fmt/format.h>

#include <array>

namespace weir::keys {
namespace {

struct Word {
  chat::Scope scope;
  std::string_view name;
};
constexpr std::array kWords = {
    Word{chat::Scope::kInference, "inference"},
    Word{chat::Scope::kModels, "models"},
    Word{chat::Scope::kKeys, "keys"},
    Word{chat::Scope::kAdmin, "admin"},
};

Result<uint32_t> ParseWord(std::string_view name) {
  if (name == "all") return chat::kAllScopes;
  for (const Word& word : kWords) {
    if (word.name == name) return static_cast<uint32_t>(word.scope);
  }
  return Fail(Code::kInvalidArgument, "a scope is one of inference, models, keys, admin, all",
              "scopes");
}

}  // namespace

std::string ScopeNames(uint32_t scopes) {
  std::string names;
  for (const Word& word : kWords) {
    if ((scopes & static_cast<uint32_t>(word.scope)) == 0) continue;
    if (!names.empty()) names += ',';
    names += word.name;
  }
  return names;
}

Result<uint32_t> ParseScopes(std::string_view names) {
  uint32_t scopes = 0;
  for (;;) {
    const size_t comma = names.find(',');
    const auto scope = ParseWord(names.substr(0, comma));
    if (!scope) return scope;
    scopes |= *scope;
    if (comma == std::string_view::npos) return scopes;
    names.remove_prefix(comma + 1);
  }
}

Result<void> RequireScope(const chat::Principal& principal, chat::Scope scope) {
  if (principal.Has(scope)) return {};
  return Fail(Code::kForbidden,
              fmt::format("this API key lacks the scope '{}'; use a key that has it",
                          ScopeNames(static_cast<uint32_t>(scope))),
              /*param=*/{}, "scope_missing");
}

}  // namespace weir::keys
